"""Lines and counts below SMTP."""

import asyncio

import pytest

from appliance.mail.wire import BadLine, Connections, LineReader


def first_line(data: bytes) -> bytes:
    async def read() -> bytes:
        reader = LineReader(limit=100)
        reader.feed_data(data)
        reader.feed_eof()
        return await reader.readuntil()

    return asyncio.run(read())


def test_crlf_ends_a_line() -> None:
    assert first_line(b"EHLO x\r\nQUIT\r\n") == b"EHLO x\r\n"


@pytest.mark.parametrize("data", [b"EHLO x\nQUIT\r\n", b"EHLO\rx\r\n", b"\n", b"a\r\r\n", b"x" * 200 + b"\r\n"])
def test_nothing_else_does(data: bytes) -> None:
    with pytest.raises(BadLine):
        first_line(data)


def test_what_was_read_too_far_comes_again() -> None:
    async def read() -> bytes:
        reader = LineReader(limit=100)
        reader.feed_data(b"OP\r\n")
        reader.put_back(b"NO")
        return await reader.readuntil()

    assert asyncio.run(read()) == b"NOOP\r\n"


class Line:
    def last_word(self, reply: str) -> None: ...


def test_connections_are_counted_by_address_and_in_all() -> None:
    lines, counts = [Line() for _ in range(6)], Connections(most=4, each=2)
    assert counts.take(lines[0], "a") and counts.take(lines[1], "a")
    assert not counts.take(lines[2], "a")
    assert counts.take(lines[2], "b") and counts.take(lines[3], "c")
    assert not counts.take(lines[4], "d")
    counts.give_back(lines[0])
    counts.give_back(lines[0])
    counts.give_back(lines[5])
    assert counts.take(lines[4], "a")
    assert len(list(counts)) == 4
