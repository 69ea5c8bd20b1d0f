"""A connection below its commands."""

import asyncio

import pytest

from appliance.mail import connection
from appliance.mail.connection import Connection


class Flood:
    """A client that sends without a pause; a tenth of a second goes by with each piece of its ``pieces``."""

    def __init__(self, pieces: int) -> None:
        self.loop = self._reader = self
        self._left, self.reads = pieces, 0

    def time(self) -> float:
        return self.reads / 10

    async def read(self, _size: int) -> bytes:
        await asyncio.sleep(0)
        self.reads += 1
        return b"x" if self.reads <= self._left else b""


@pytest.mark.parametrize(("pieces", "reads"), [(10_000, 10), (3, 4), (0, 1)])
def test_who_sends_without_a_pause_is_heard_out_for_a_second_only(monkeypatch, pieces: int, reads: int) -> None:
    """And who stops is not waited for."""
    monkeypatch.setattr(connection, "_HEARD_OUT", 0.95)
    flood = Flood(pieces)
    asyncio.run(Connection._hear_out(flood))
    assert flood.reads == reads


def test_who_falls_silent_is_not_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(connection, "_SILENCE", 0.0)

    class Silent(Flood):
        async def read(self, _size: int) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError

    asyncio.run(Connection._hear_out(Silent(0)))
