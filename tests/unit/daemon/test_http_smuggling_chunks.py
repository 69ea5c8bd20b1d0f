"""A corpus of chunked bodies that could be read in two ways, and of those that are read in one however they arrive."""

import pytest

from appliance.daemon.http_framing import BadBody, Chunked

from .test_http_smuggling import short

GOOD_CHUNKS = [
    (b"5\r\nhello\r\n0\r\n\r\n", b"hello", b""),
    (b"5\r\nhello\r\n0\r\n\r\nGET /next", b"hello", b"GET /next"),
    (b"0\r\n\r\n0\r\n\r\n", b"", b"0\r\n\r\n"),
    (b"005\r\nhello\r\n00\r\n\r\n", b"hello", b""),
    (b"000000000000005\r\nhello\r\n0\r\n\r\n", b"hello", b""),
    (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2, b""),
    (b"5 \r\nhello\r\n1\t \r\n!\r\n0 \r\n\r\n", b"hello!", b""),
    (b'5;a="b;c"\r\nhello\r\n1;x\r\n!\r\n0;y\r\n\r\n', b"hello!", b""),
    (b"4\r\n0\r\n\r\n1\r\n!\r\n0\r\n\r\n", None, b""),  # what follows the four bytes is no end of a chunk
    (b"7\r\n\r\n5\r\n\r\n\r\n0\r\n\r\n", b"\r\n5\r\n\r\n", b""),
    (b"0\r\nA: b\r\n\r\n", b"", b""),
    (b"0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\n\r\nrest", b"", b"rest"),
    (b"0\r\nA:\r\nB:\t\r\n\r\n", b"", b""),
]
BAD_CHUNKS = [
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"\t5\r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"5h\r\nhello\r\n0\r\n\r\n",
    b"5_0\r\nhello",
    b"5,5\r\nhello\r\n0\r\n\r\n",
    b"5 5\r\nhello\r\n0\r\n\r\n",
    b"g\r\n",
    b"\r\n5\r\nhello\r\n",
    b";a\r\nhello\r\n",
    b"\xef\xbc\x95\r\nhello\r\n0\r\n\r\n",
    b"\xb5\r\n",
    b"5\0\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n",  # over 64 bits
    b"8000000000000005\r\nhello\r\n0\r\n\r\n",
    b"0000000000000005\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello\r0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhello!\r\n0\r\n\r\n",
    b"5\r\nhell\r\n0\r\n\r\n",
    b"5\r\nhello\r\n\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\n\r\n",
    b"5\r\nhello\r\n0\r\n\n",
    b"5\r\nhello\r\n0\r\nA: b\n\r\n",
    b"5\r\r\nhello\r\n0\r\n\r\n",
    b"5\rhello\r\n0\r\n\r\n",
    b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    b"5;\0\r\nhello\r\n0\r\n\r\n",
    b"5;a\x7f\r\nhello\r\n0\r\n\r\n",
    b"5;" + b"a" * 1024 + b"\r\n",
    b"5" + b" " * 1024 + b"\r\n",
    b"0\r\nGET /evil HTTP/1.1\r\n\r\n",
    b"0\r\n A: b\r\n\r\n",
    b"0\r\nA : b\r\n\r\n",
    b"0\r\nA: b\r\n c\r\n\r\n",
    b"0\r\nA: b\rc\r\n\r\n",
    b"0\r\nA: b\0\r\n\r\n",
    b"0\r\n: b\r\n\r\n",
    b"0\r\n\r\r\n",
    b"0\r\n" + b"A: b\r\n" * 3000,
]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 5000])
@pytest.mark.parametrize(("data", "content", "rest"), GOOD_CHUNKS)
def test_chunks_are_the_same_however_they_arrive(data, content, rest, step):
    assert fed(data, step) == (None if content is None else (content, rest))


@pytest.mark.parametrize("step", [1, 2, 3, 5, 5000])
@pytest.mark.parametrize("before", [b"", b"1\r\n!\r\n"])
@pytest.mark.parametrize("data", BAD_CHUNKS, ids=short)
def test_chunks_that_could_be_read_in_two_ways_are_none(before, data, step):
    assert fed(before + data, step) is None


@pytest.mark.parametrize(
    "data", [b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0\r\n\r", b"5\r\nhello\r\n", b"5\r\nhel", b"5"]
)
def test_chunks_without_their_end_are_not_done(data):
    body = Chunked()
    body.feed(data)
    assert not body.done


def fed(data: bytes, step: int) -> tuple[bytes, bytes] | None:
    """Give the content of chunks that arrive in pieces of ``step`` bytes, and what follows; ``None``: refused."""
    body, content, start = Chunked(), b"", 0
    try:
        while not body.done and start < len(data):
            content += body.feed(data[start : start + step])
            start += step
    except BadBody:
        return None
    assert body.done
    return content, body.rest + data[start:]
