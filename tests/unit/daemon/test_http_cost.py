"""What the worst bytes cost grows with their number, not with its square.

Sixteen times the bytes may cost sixteen times the work, and more for what a busy machine adds; a square would be 256.
"""

import sys
from time import thread_time_ns

import pytest

from appliance.daemon.http_framing import BadBody, Chunked
from appliance.daemon.http_head import HEAD_MAX, BadHead, cut_head, head_end, request_head, response_head

TIMES = 16
BOUND = 5 * TIMES
REQUEST = b"GET http://a/ HTTP/1.1\r\nHost: a\r\n"


def least_time(work, argument) -> int:
    """The least of several measurements of the processor's time, in nanoseconds."""
    found = []
    for _ in range(7):
        begin = thread_time_ns()
        work(argument)
        found.append(thread_time_ns() - begin)
    return min(found)


def read(head: bytes) -> None:
    for reader in (request_head, response_head):
        try:
            reader(head)
        except BadHead:
            continue


BEFORE = {
    "nothing": b"",
    "a request": REQUEST,
    "a value": REQUEST + b"A: b",
    "the last field": REQUEST + b"A: b\r\n" * 98 + b"B:",
    "a phrase": b"HTTP/1.1 200 ",
}
REPEATED = [
    *(
        b"a",
        b" ",
        b"\t",
        b":",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\r",
        b"\0",
        b"\xff",
        b"/",
        b"http://",
        b": \t",
        b"a:",
        b"a: ",
    ),
    *(b"a: b\r\n", b"a:b\r\n", b"a:\r\n", b"a: b\r\n ", b"Host: a\r\n", b"Connection: a\r\n", b"Content-Length: 1\r\n"),
    *(b"Te", b"\r\nTe", b"\r\nproxy-authenticat"),
]


@pytest.mark.parametrize("repeated", REPEATED, ids=repr)
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\x01\r\n\r\n", b" \r\n\r\n"], ids=repr)
def test_a_head(before, repeated, end):
    def head(size):
        return BEFORE[before] + repeated * (size // len(repeated)) + end

    assert least_time(read, head(HEAD_MAX)) < BOUND * least_time(read, head(HEAD_MAX // TIMES))


@pytest.mark.parametrize("byte", [b"a", b"\r"])
def test_a_head_that_arrives_byte_by_byte(byte):
    def arrive(size):
        buffer = bytearray()
        for seen in range(size - 1):
            buffer += byte
            assert cut_head(buffer, seen) is None

    assert least_time(arrive, HEAD_MAX) < BOUND * least_time(arrive, HEAD_MAX // TIMES)


def test_a_head_of_eight_mebibytes_is_refused_at_its_limit():
    data = b"GET / HTTP/1.1\r\nA: "
    with pytest.raises(BadHead) as caught:
        while len(data) < 2**23:
            seen, data = len(data), data + b"a" * 1000
            head_end(data, seen)
    assert caught.value.status == 431
    assert len(data) < HEAD_MAX + 1000


@pytest.mark.parametrize("step", [1, 7, 65536])
@pytest.mark.parametrize(
    "chunk",
    [b"1\r\na\r\n", b"001;a=b\r\na\r\n", b"f\r\n0123456789abcde\r\n", b"1;" + b"a" * 1000 + b"\r\na\r\n"],
    ids=["small", "with an extension", "middling", "with a long extension"],
)
def test_chunks(chunk, step):
    def feed(size):
        data, body = chunk * (size // len(chunk)), Chunked()
        for start in range(0, len(data), step):
            body.feed(data[start : start + step])

    assert least_time(feed, 65536) < BOUND * least_time(feed, 65536 // TIMES)


@pytest.mark.parametrize(
    ("before", "repeated"),
    [(b"", b"1"), (b"1;", b"a"), (b"0\r\n", b"a"), (b"0\r\n", b"A: b\r\n")],
    ids=["a size", "an extension", "a line of the trailer", "the trailer"],
)
def test_lines_between_chunks_are_bounded_however_they_arrive(before, repeated):
    body = Chunked()
    body.feed(before)
    with pytest.raises(BadBody):
        for _ in range(10000):
            for byte in repeated:
                body.feed(bytes([byte]))


def test_a_large_chunk_costs_a_few_steps():
    data = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    assert steps(lambda: Chunked().feed(data)) < 60
    body = Chunked()
    body.feed(b"fffffff\r\n")
    assert steps(lambda: body.feed(bytes(65536))) < 15


def test_small_chunks_cost_a_few_steps_each_and_make_one_piece():
    data = b"1\r\na\r\n" * 1000
    assert steps(lambda: Chunked().feed(data)) < 10 * 1000
    assert Chunked().feed(data) == b"a" * 1000


def steps(work) -> int:
    """How many lines of Python ``work`` runs through."""
    count = 0

    def trace(_frame, event, _argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
