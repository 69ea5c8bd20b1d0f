"""The reader of messages: whatever the chunks, the same message; nothing but CRLF . CRLF ends it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.transfer import Fault, Transfer


def read(data: bytes, cuts: list[int] | None = None, limit: int = 10_000, line: int = 998) -> tuple[bytes, Transfer]:
    transfer, got, rest = Transfer(limit, line), b"", data
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    for begin, end in pairwise(edges):
        assert not transfer.complete or begin == end or transfer.rest is not None
        if transfer.complete:
            break
        got += transfer.feed(data[begin:end])
        rest = data[end:]
    return got, transfer if not transfer.complete else _with_rest(transfer, rest)


def _with_rest(transfer: Transfer, rest: bytes) -> Transfer:
    transfer.rest += rest
    return transfer


def stuffed(message: bytes) -> bytes:
    lines = message.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


@pytest.mark.parametrize("line", [b"x" * 98 + b"\r\n", b"\0\r\n", b"..\r\n", b"x", b"\n", b"\r", b"\r\n"])
def test_who_sends_without_end_need_not_be_heard_to_it(line: bytes) -> None:
    """Far more came than the limit: then there is a fault, whatever it was."""
    transfer, came, piece = Transfer(10_000, 998), 0, line * 50
    while not transfer.endless:
        transfer.feed(piece)
        came += len(piece)
    assert transfer.fault is not None and 20_000 < came < 100_000
    transfer.feed(b"\r\n.\r\n")
    assert transfer.complete and not transfer.endless, "an end that came at last is one"


def test_a_message_is_unstuffed_and_what_follows_is_kept() -> None:
    got, transfer = read(b"a: b\r\n\r\n..hidden\r\n.\r\nQUIT\r\n")
    assert got == b"a: b\r\n\r\n.hidden\r\n"
    assert transfer.complete and transfer.fault is None
    assert transfer.rest == b"QUIT\r\n"
    assert transfer.size == len(got)


def test_an_empty_message_ends_at_once() -> None:
    got, transfer = read(b".\r\n")
    assert (got, transfer.complete, transfer.size) == (b"", True, 0)


LINES = st.lists(st.binary(max_size=40).map(lambda line: line.translate(None, b"\r\n\0")), max_size=20)


@given(LINES, st.lists(st.integers(0, 2000), max_size=12), st.binary(max_size=10))
def test_any_chunks_give_the_message_back(lines: list[bytes], cuts: list[int], rest: bytes) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    got, transfer = read(stuffed(message) + rest, cuts)
    assert transfer.complete and transfer.fault is None
    assert got == message
    assert transfer.rest == rest


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r"])
@pytest.mark.parametrize("cut", range(12))
def test_a_smuggled_end_is_no_end_and_the_message_is_refused(end: bytes, cut: int) -> None:
    inside = b"a: b\r\n\r\nx" + end + b"MAIL FROM:<boss@schule.example>\r\nDATA\r\n"
    _, transfer = read(inside, [cut, cut + 7])
    assert not transfer.complete
    _, transfer = read(inside + b"\r\n.\r\nQUIT\r\n", [cut, cut + 7])
    assert transfer.complete
    assert transfer.fault is Fault.BARE_NEWLINE
    assert transfer.rest == b"QUIT\r\n"


@given(st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=6))
def test_garbage_ends_where_the_specification_says(data: bytes, cuts: list[int]) -> None:
    """Invariant: complete if and only if the dot line is there; no fault only if every CR and LF is part of a CRLF."""
    _, transfer = read(data, cuts, line=20)
    end = 0 if data.startswith(b".\r\n") else data.find(b"\r\n.\r\n") + 2
    ended = data.startswith(b".\r\n") or b"\r\n.\r\n" in data
    assert transfer.complete is ended
    if ended:
        message = data[:end]
        assert transfer.rest == data[end + 3 :]
        clean = message.count(b"\r\n") == message.count(b"\r") == message.count(b"\n") and b"\0" not in message
        short = all(len(line.removeprefix(b".")) <= 20 for line in message.split(b"\r\n"))
        assert (transfer.fault is None) == (clean and short)


def test_a_message_over_the_limit_is_read_to_its_end() -> None:
    got, transfer = read(b"x" * 60 + b"\r\n" + b"y" * 60 + b"\r\n.\r\n", limit=100)
    assert transfer.complete and transfer.fault is Fault.TOO_LARGE
    assert got == b""
    _, transfer = read(b"x" * 98 + b"\r\n.\r\n", limit=100)
    assert transfer.fault is None


def test_a_line_of_any_length_is_not_kept_in_memory() -> None:
    transfer = Transfer(10**9, 998)
    for _ in range(100):
        transfer.feed(b"x" * 10_000)
    assert transfer.fault is Fault.LONG_LINE
    assert len(transfer._held) < 2
    transfer.feed(b".\r")
    transfer.feed(b"\n.\r\n")
    assert transfer.complete


def test_a_dot_after_a_cut_in_a_long_line_does_not_end_it() -> None:
    transfer = Transfer(10**9, 998)
    transfer.feed(b"x" * 2000)
    transfer.feed(b".\r\n")
    assert not transfer.complete
    transfer.feed(b".\r\n")
    assert transfer.complete


def test_a_nul_is_refused_at_the_end() -> None:
    got, transfer = read(b"a: b\r\n\r\nbefore\0after\r\n.\r\nQUIT\r\n")
    assert transfer.complete and transfer.fault is Fault.NUL
    assert (got, transfer.rest) == (b"", b"QUIT\r\n")


@pytest.mark.parametrize("before", [b"", b"z\r\n", b"z" * 20 + b"\r\n", b"\r\n" * 30])
@pytest.mark.parametrize(("length", "fault"), [(20, None), (21, Fault.LONG_LINE)])
@pytest.mark.parametrize("dots", [0, 1])
def test_a_line_may_be_as_long_as_the_limit(before: bytes, length: int, fault: Fault | None, dots: int) -> None:
    """A dot that was stuffed in is not counted."""
    line = b"." * (2 * dots) + b"x" * (length - dots)
    _, transfer = read(before + line + b"\r\nz\r\n.\r\n", line=20)
    assert transfer.complete and transfer.fault is fault
