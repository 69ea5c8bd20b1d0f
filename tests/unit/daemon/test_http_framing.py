"""Where a body ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.daemon.http_framing import BadBody, Chunked, Counted, UntilClose, request_body, response_body
from appliance.daemon.http_head import BadHead, request_head, response_head


def request(*fields: str, minor: int = 1):
    lines = [f"POST http://example.org/ HTTP/1.{minor}", "Host: example.org", *fields, "", ""]
    return request_head("\r\n".join(lines).encode())


def response(*fields: str, status: int = 200):
    return response_head("\r\n".join([f"HTTP/1.1 {status} OK", *fields, "", ""]).encode())


def test_lengths():
    assert request_body(request()).length == 0
    assert request_body(request("Content-Length: 12")).length == 12
    assert request_body(request("Transfer-Encoding: Chunked")).chunked
    assert response_body("GET", response("Content-Length: 0")).done
    assert isinstance(response_body("GET", response()), UntilClose)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_responses_without_a_body(method, status):
    for field in ("Content-Length: 12", "Transfer-Encoding: chunked"):
        assert response_body(method, response(field, status=status)).done


@pytest.mark.parametrize(
    "fields",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5, 5",),
        ("Content-Length: +5",),
        ("Content-Length: -5",),
        ("Content-Length: 0x5",),
        ("Content-Length: ٥",),
        ("Content-Length:",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: identity",),
    ],
)
def test_two_ways_to_tell_the_end_are_one_too_many(fields):
    with pytest.raises(BadHead):
        request_body(request(*fields))
    with pytest.raises(BadHead):
        response_body("GET", response(*fields))


def test_no_chunks_in_http_1_0():
    with pytest.raises(BadHead):
        request_body(request("Transfer-Encoding: chunked", minor=0))


def test_counted():
    body = Counted(5)
    assert body.feed(b"abc") == b"abc"
    assert not body.done
    assert body.feed(b"defgh") == b"de"
    assert (body.done, body.rest) == (True, b"fgh")


CHUNKS = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
def test_chunks_however_they_arrive(step):
    body, came = Chunked(), b""
    for start in range(0, len(CHUNKS), step):
        if body.done:
            body.rest += CHUNKS[start : start + step]
        else:
            came += body.feed(CHUNKS[start : start + step])
    assert (came, body.done, body.rest) == (b"abc0123456789", True, b"GET")


@pytest.mark.parametrize(
    "data",
    [
        b"3\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"-3\r\n",
        b"0x3\r\n",
        b" 3\r\n",
        b"\r\n",
        b"3\r\nabc\r\nx\r\n",
        b"3 abc\r\n",
        b"f" * 16 + b"\r\n",
        b"1" + b";" + b"a" * 2000,
        b"0\r\n" + b"A: bcdefgh\r\n" * 1000,
    ],
)
def test_chunks_that_are_none(data):
    with pytest.raises(BadBody):
        Chunked().feed(data)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(1, 30), max_size=20))
def test_what_is_put_into_chunks_comes_out(pieces, cuts):
    data = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\nrest"
    body, came, start = Chunked(), b"", 0
    for cut in [*cuts, len(data)]:
        part, start = data[start : start + cut], start + cut
        came += body.feed(part) if not body.done else b""
        if body.done:
            break
    assert came == b"".join(pieces)
    assert body.done
    assert b"rest".startswith(body.rest) or body.rest == b"rest"
