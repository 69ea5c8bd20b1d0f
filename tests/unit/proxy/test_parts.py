"""Parts of a file are weighed as the file that they are of (K12)."""

import pytest

from appliance.daemon.http_framing import request_body, response_body, whole_size
from appliance.daemon.http_head import request_head, response_head
from appliance.proxy.forward import request_upstream
from appliance.proxy.target import Where


@pytest.mark.parametrize(
    ("method", "status", "fields", "size"),
    [
        ("GET", 200, "Content-Length: 7", 7),
        ("GET", 206, "Content-Length: 7\r\nContent-Range: bytes 0-6/900", 900),
        ("GET", 206, "Transfer-Encoding: chunked\r\nContent-Range: Bytes 0-6/900", 900),
        ("GET", 206, "Content-Length: 7\r\nContent-Range: bytes 0-6/*", 7),
        ("GET", 206, "Content-Length: 7\r\nContent-Range: items 0-6/900", 7),
        ("GET", 200, "Content-Length: 7\r\nContent-Range: bytes 0-6/900", 7),
        ("HEAD", 206, "Content-Length: 7\r\nContent-Range: bytes 0-6/900", 0),
        ("GET", 200, "A: b", None),
    ],
)
def test_how_large_the_whole_is(method, status, fields, size):
    head = response_head(f"HTTP/1.1 {status} x\r\n{fields}\r\n\r\n".encode())
    assert whole_size(head, response_body(method, head)) == size


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ("Range: bytes=5-", True),
        ("Range: bytes=0-0,5-", False),
        ("Range: bytes=0-0\r\nRANGE: bytes=5-", False),
    ],
)
def test_several_parts_are_not_asked_for(fields, kept):
    head = request_head(f"GET http://a/x HTTP/1.1\r\nHost: a\r\n{fields}\r\nA: b\r\n\r\n".encode())
    sent = request_upstream(head, Where("a", 80), "/x", request_body(head))
    assert (b"range:" in sent.lower()) == kept
    assert b"\r\nA: b\r\n" in sent
