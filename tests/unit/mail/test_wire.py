"""Lines and counts below SMTP."""

import asyncio

import pytest

from appliance.mail.wire import BadLine, LineReader


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


def test_it_is_known_whether_somebody_speaks_first() -> None:
    async def spoke(before: bytes, seconds: float, later: bytes = b"") -> tuple[bool, bytes]:
        reader = LineReader(limit=100)
        reader.feed_data(before) if before else None
        if later:
            asyncio.get_running_loop().call_soon(reader.feed_data, later)
        found = await reader.speaks_within(seconds)
        reader.feed_eof()
        return found, await reader.read()

    assert asyncio.run(spoke(b"EHLO x\r\n", 0)) == (True, b"EHLO x\r\n")
    assert asyncio.run(spoke(b"", 30, b"EHLO y\r\n")) == (True, b"EHLO y\r\n")
    assert asyncio.run(spoke(b"", 0)) == (False, b"")


@pytest.mark.parametrize(("lines", "turns"), [(3, 0), (4, 1), (400, 100)])
def test_others_get_their_turn_while_many_lines_are_there(lines: int, turns: int) -> None:
    async def read() -> int:
        reader, had = LineReader(limit=100), 0

        async def other() -> None:
            nonlocal had
            while True:
                await asyncio.sleep(0)
                had += 1

        reader.feed_data(b"NOOP\r\n" * lines)
        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        for _ in range(lines):
            await reader.readuntil()
        task.cancel()
        return had

    assert asyncio.run(read()) == turns
