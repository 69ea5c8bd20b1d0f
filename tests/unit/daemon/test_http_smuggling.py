"""A corpus of request smuggling and response splitting: each variant, and what is made of it here.

A verdict is the status of the refusal; or how the body ends: ``NONE``, ``CHUNKS``, ``CLOSE`` or its length in bytes.
"""

import pytest

from appliance.daemon.http_framing import Body, UntilClose, request_body, response_body
from appliance.daemon.http_head import BadHead, request_head, response_head

NONE, CHUNKS, CLOSE = "no body", "chunks", "until the connection ends"


def short(value: object) -> str:
    """How a case is called."""
    return repr(value)[:60]


FRAMING = [
    # both, in either order (CL.TE, TE.CL)
    (b"Content-Length: 6\r\nTransfer-Encoding: chunked", 400),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 6", 400),
    (b"content-length: 0\r\ntransfer-encoding: chunked", 400),
    (b"Content-Length: 6\r\nTransfer-Encoding: identity", 400),
    (b"Content-Length:\r\nTransfer-Encoding: chunked", 400),
    (b"Content-Length: 6\r\nTransfer-Encoding:", 400),
    # a coding that one of two reads as chunked (TE.TE)
    (b"Transfer-Encoding: chunked", CHUNKS),
    (b"tRANSFER-eNCODING: CHUNKED", CHUNKS),
    (b"Transfer-Encoding:chunked", CHUNKS),
    (b"Transfer-Encoding:\tchunked \t", CHUNKS),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 501),
    (b"Transfer-Encoding: x\r\ntransfer-encoding: chunked", 501),
    (b"Transfer-Encoding: xchunked", 501),
    (b"Transfer-Encoding: chunkedx", 501),
    (b"Transfer-Encoding: identity", 501),
    (b"Transfer-Encoding: gzip", 501),
    (b"Transfer-Encoding: gzip, chunked", 501),
    (b"Transfer-Encoding: chunked, gzip", 501),
    (b"Transfer-Encoding: chunked, identity", 501),
    (b"Transfer-Encoding: identity, chunked", 501),
    (b"Transfer-Encoding: chunked, chunked", 501),
    (b"Transfer-Encoding: chunked,", 501),
    (b"Transfer-Encoding: ,chunked", 501),
    (b"Transfer-Encoding: chunked;q=1", 501),
    (b'Transfer-Encoding: "chunked"', 501),
    (b"Transfer-Encoding: 'chunked'", 501),
    (b"Transfer-Encoding: chunk ed", 501),
    (b"Transfer-Encoding: \xa0chunked", 501),
    (b"Transfer-Encoding: chunked\x85", 501),
    (b"Transfer-Encoding: chun\xe2\x84\xaaed", 501),
    (b"Transfer-Encoding:", 501),
    (b"Transfer-Encoding: \t", 501),
    # a name that one of two reads as Transfer-Encoding or Content-Length
    (b"Transfer-Encoding : chunked", 400),
    (b"Transfer-Encoding\t: chunked", 400),
    (b"Transfer-Encoding\x0b: chunked", 400),
    (b"Transfer-Encoding\xa0: chunked", 400),
    (b"Transfer-Encoding\0: chunked", 400),
    (b"Transfer Encoding: chunked", 400),
    (b"Transfer\xadEncoding: chunked", 400),
    (b"\xffTransfer-Encoding: chunked", 400),
    (b'"Transfer-Encoding": chunked', 400),
    (b"(x)Transfer-Encoding: chunked", 400),
    (b" Transfer-Encoding: chunked", 400),
    (b"\tTransfer-Encoding: chunked", 400),
    (b"Transfer-Encoding chunked", 400),
    (b"Transfer-Encoding= chunked", 400),
    (b"Transfer-Encoding; chunked", 400),
    (b"Content-Length : 6", 400),
    (b"Content-Length\x0c: 6", 400),
    (b" Content-Length: 6", 400),
    (b"Content-Length 6", 400),
    (b"Transfer_Encoding: chunked", NONE),
    (b"Content_Length: 6", NONE),
    (b"X-Transfer-Encoding: chunked\r\nContent-Length-X: 6", NONE),
    # control characters in the value
    (b"Transfer-Encoding:\x0bchunked", 400),
    (b"Transfer-Encoding: \x0cchunked", 400),
    (b"Transfer-Encoding: chunked\0", 400),
    (b"Transfer-Encoding: chunked\x0b", 400),
    (b"Transfer-Encoding: chunked\x08", 400),
    (b"Transfer-Encoding: chunked\x7f", 400),
    (b"Content-Length: 6\0", 400),
    (b"Content-Length: 6\x0b", 400),
    # lines that end where only one of two sees it
    (b"X: x\nTransfer-Encoding: chunked", 400),
    (b"X: x\rTransfer-Encoding: chunked", 400),
    (b"X: x\r\r\nTransfer-Encoding: chunked", 400),
    (b"X: x\n\rTransfer-Encoding: chunked", 400),
    (b"X: x\0\r\nTransfer-Encoding: chunked", 400),
    (b"X: x\n\nGET /evil HTTP/1.1", 400),
    (b"X: x\r\n\r\nGET /evil HTTP/1.1", 400),
    (b"X: x\r\n\nGET /evil HTTP/1.1", 400),
    # folded lines
    (b"Transfer-Encoding:\r\n chunked", 400),
    (b"Transfer-Encoding:\r\n\tchunked", 400),
    (b"Transfer-Encoding\r\n : chunked", 400),
    (b"Transfer-Encoding: chunked\r\n , identity", 400),
    (b"X: x\r\n Transfer-Encoding: chunked", 400),
    (b"Content-Length: 6\r\n 6", 400),
    (b"X: x\r\n \r\nTransfer-Encoding: chunked", 400),
    # lengths that are read in several ways
    (b"Content-Length: 6", 6),
    (b"CONTENT-LENGTH:6", 6),
    (b"Content-Length:\t 6 \t", 6),
    (b"Content-Length: 0006", 6),
    (b"Content-Length: 0", NONE),
    (b"Content-Length: " + b"9" * 18, 10**18 - 1),
    (b"Content-Length: " + b"9" * 19, 400),
    (b"Content-Length: 18446744073709551622", 400),
    (b"Content-Length: 4294967302" + b"0" * 4300, 400),
    (b"Content-Length: 6\r\nContent-Length: 6", 400),
    (b"Content-Length: 6\r\ncontent-length: 7", 400),
    (b"Content-Length: 6, 6", 400),
    (b"Content-Length: 6,7", 400),
    (b"Content-Length: 6,", 400),
    (b"Content-Length: 6 6", 400),
    (b"Content-Length: +6", 400),
    (b"Content-Length: -6", 400),
    (b"Content-Length: -0", 400),
    (b"Content-Length: 0x6", 400),
    (b"Content-Length: 0b110", 400),
    (b"Content-Length: 6.0", 400),
    (b"Content-Length: 6e0", 400),
    (b"Content-Length: 1_0", 400),
    (b"Content-Length: 6;", 400),
    (b'Content-Length: "6"', 400),
    (b"Content-Length: six", 400),
    (b"Content-Length:", 400),
    (b"Content-Length: \xb2", 400),
    (b"Content-Length: \xa06", 400),
    (b"Content-Length: \xd9\xa6", 400),
    (b"Content-Length: \xef\xbc\x96", 400),
]


@pytest.mark.parametrize(("lines", "verdict"), FRAMING, ids=short)
@pytest.mark.parametrize("around", [b"%b", b"A: b\r\n%b", b"%b\r\nEmpty:\r\nA: b"])
def test_a_request_ends_in_one_place_or_is_refused(around, lines, verdict):
    raw = b"POST http://a/ HTTP/1.1\r\nHost: a\r\n" + around % lines + b"\r\n\r\n"
    assert verdict_of(lambda: request_body(request_head(raw))) == verdict


@pytest.mark.parametrize(("lines", "verdict"), FRAMING, ids=short)
def test_a_response_ends_in_one_place_or_is_refused(lines, verdict):
    raw = b"HTTP/1.1 200 OK\r\nServer: a\r\n" + lines + b"\r\n\r\n"
    if verdict == NONE and b"Content-Length: 0" not in lines:
        verdict = CLOSE
    assert verdict_of(lambda: response_body("GET", response_head(raw))) == verdict


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (b"GET http://a/ HTTP/1.1", NONE),
        (b"get http://a/ HTTP/1.1", NONE),
        (b"G!$' http://a/ HTTP/1.9", NONE),
        (b"GET http://a/ HTTP/1.0", NONE),
        (b"GET  http://a/ HTTP/1.1", 400),
        (b"GET http://a/  HTTP/1.1", 400),
        (b"GET\thttp://a/\tHTTP/1.1", 400),
        (b"GET http://a/\tHTTP/1.1", 400),
        (b"GET\x0bhttp://a/ HTTP/1.1", 400),
        (b"GET\xa0http://a/\xa0HTTP/1.1", 400),
        (b" GET http://a/ HTTP/1.1", 400),
        (b"\r\nGET http://a/ HTTP/1.1", 400),
        (b"\xef\xbb\xbfGET http://a/ HTTP/1.1", 400),
        (b"GET http://a/ HTTP/1.1 ", 400),
        (b"GET http://a/ HTTP/1.1\t", 400),
        (b"GET http://a/ HTTP/1.1\r", 400),
        (b"GET http://a/ HTTP/1.1\0", 400),
        (b"GET http://a/ HTTP/1.1\nX: y", 400),
        (b"GET http://a/ HTTP/1.1\rX: y", 400),
        (b"GET http://a/", 400),  # HTTP/0.9
        (b"GET http://a/ ", 400),
        (b"GET", 400),
        (b"", 400),
        (b"GET http://a/ HTTP/0.9", 505),
        (b"GET http://a/ HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET http://a/ HTTP/2", 400),
        (b"GET http://a/ HTTP/1", 400),
        (b"GET http://a/ HTTP/1.", 400),
        (b"GET http://a/ HTTP/1.10", 400),
        (b"GET http://a/ HTTP/01.1", 400),
        (b"GET http://a/ HTTP/1,1", 400),
        (b"GET http://a/ HTTP/+1.1", 400),
        (b"GET http://a/ HTTP /1.1", 400),
        (b"GET http://a/ http/1.1", 400),
        (b"GET http://a/ HTTPS/1.1", 400),
        (b"GET http://a/ HTTP/\xef\xbc\x91.1", 400),
        (b"GET http://a/ HTTP/\xb9.1", 400),
        (b"GET http://a/ HTTP/1.1 HTTP/1.1", 400),
        (b"GET http://a/ X: y HTTP/1.1", 400),
        (b"GET http://a/\x7f HTTP/1.1", 400),
        (b"GET http://a/\0 HTTP/1.1", 400),
        (b"GET http://a/\xc3\xa4 HTTP/1.1", 400),
        (b"GET http://a/\r HTTP/1.1", 400),
        (b"GET\0 http://a/ HTTP/1.1", 400),
        (b"G\xcbT http://a/ HTTP/1.1", 400),
        (b"GET: http://a/ HTTP/1.1", 400),
        (b"G(T http://a/ HTTP/1.1", 400),
        (b"G/T http://a/ HTTP/1.1", 400),
        (b"G" * 32 + b" http://a/ HTTP/1.1", NONE),
        (b"G" * 33 + b" http://a/ HTTP/1.1", 400),
        (b"HTTP/1.1 200 OK", 400),
        (b"Host: a", 400),
        (b"GET http://a/" + b"a" * 8 * 1024 + b" HTTP/1.1", 414),
    ],
    ids=short,
)
@pytest.mark.parametrize("fields", [b"Host: a", b"Host:a\r\nEmpty:"])
def test_a_first_line_is_read_in_one_way_or_refused(line, fields, verdict):
    assert verdict_of(lambda: request_body(request_head(line + b"\r\n" + fields + b"\r\n\r\n"))) == verdict


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        (b"Host: a\r\nX: y", NONE),
        (b"HOST:a", NONE),
        (b"Host:", NONE),  # legal; whoever needs a name finds none in it
        (b"X: y", 400),
        (b"Host: a\r\nHost: a", 400),
        (b"Host: a\r\nhOST: b", 400),
        (b"Host : a", 400),
        (b"Host\r\n: a", 400),
        (b"X: y\r\n Host: a", 400),
        (b"Host: a\r\n b", 400),
        (b"Host: a\r\n: b", 400),
        (b"Host: a\r\n:", 400),
        (b"Host: a\r\n : b", 400),
        (b"Host: a\r\nb", 400),
        (b"Host: a\r\nX{}: y", 400),
        (b"Host: a\r\nX@: y", 400),
        (b"Host: a\r\nX[0]: y", 400),
        (b"Host: a\r\nX\xe4: y", 400),
        (b"Host: a\r\nX: \xe4\xff\x80", NONE),
        (b"Host: a\r\nX: y: z", NONE),
        (b"Host: a\r\n" + b"X" * 256 + b": y", NONE),
        (b"Host: a\r\n" + b"X" * 257 + b": y", 400),
        (b"Host: a" + b"\r\nX: y" * 99, NONE),
        (b"Host: a" + b"\r\nX: y" * 100, 431),
        (b"Host: a" + b"\r\nX:" * 99, NONE),
        (b"Host: a" + b"\r\nX:" * 100, 431),
        (b"Host: a" + b"\r\n" * 3000, 431),
    ],
    ids=short,
)
def test_fields_are_read_in_one_way_or_refused(fields, verdict):
    assert verdict_of(lambda: request_body(request_head(b"GET / HTTP/1.1\r\n" + fields + b"\r\n\r\n"))) == verdict


def test_chunks_need_http_1_1():
    raw = b"POST http://a/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert verdict_of(lambda: request_body(request_head(raw))) == 400


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (b"HTTP/1.1 200 OK", CLOSE),
        (b"HTTP/1.0 200", CLOSE),
        (b"HTTP/1.1 200 ", CLOSE),
        (b"HTTP/1.1 200 \xe4 \t", CLOSE),
        (b"HTTP/1.1 204 No Content", NONE),
        (b"HTTP/1.1 304 Not Modified", NONE),
        (b"HTTP/1.1 999 ?", CLOSE),
        (b"HTTP/1.1  200 OK", 400),
        (b"HTTP/1.1\t200 OK", 400),
        (b"HTTP/1.1 200\tOK", 400),
        (b"HTTP/1.1 200OK", 400),
        (b"HTTP/1.1 20 OK", 400),
        (b"HTTP/1.1 2000 OK", 400),
        (b"HTTP/1.1 020 OK", 400),
        (b"HTTP/1.1 +20 OK", 400),
        (b"HTTP/1.1 2.0 OK", 400),
        (b"HTTP/1.1 \xb200 OK", 400),
        (b"HTTP/1.1 \xef\xbc\x92\xef\xbc\x90\xef\xbc\x90 OK", 400),
        (b"HTTP/1.1 OK", 400),
        (b"HTTP/1.1", 400),
        (b"HTTP/1.2 200 OK", 400),
        (b"HTTP/2 200", 400),
        (b"HTTP/2.0 200 OK", 400),
        (b"http/1.1 200 OK", 400),
        (b" HTTP/1.1 200 OK", 400),
        (b"\r\nHTTP/1.1 200 OK", 400),
        (b"HTTP/1.1 200 O\rK", 400),
        (b"HTTP/1.1 200 O\nK", 400),
        (b"HTTP/1.1 200 OK\0", 400),
        (b"HTTP/1.1 200 \x1b[2J", 400),
        (b"HTTP/1.1 200 OK\r", 400),
        (b"ICY 200 OK", 400),
        (b"SSH-2.0-OpenSSH_9.2", 400),
        (b"<!DOCTYPE html>", 400),  # HTTP/0.9
        (b"", 400),
    ],
    ids=short,
)
@pytest.mark.parametrize("fields", [b"", b"Server: x\r\n", b"Server:x\r\nEmpty:\r\n"])
def test_a_status_line_is_read_in_one_way_or_refused(line, fields, verdict):
    assert verdict_of(lambda: response_body("GET", response_head(line + b"\r\n" + fields + b"\r\n"))) == verdict


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)])
@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        (b"Content-Length: 6", NONE),
        (b"Transfer-Encoding: chunked", NONE),
        (b"Content-Length: 6\r\nTransfer-Encoding: chunked", 400),
        (b"Content-Length: 6\r\nContent-Length: 7", 400),
        (b"Content-Length: 6, 7", 400),
        (b"Transfer-Encoding: gzip", 501),
    ],
)
def test_a_response_that_has_no_body_must_not_contradict_itself_either(method, status, fields, verdict):
    raw = b"HTTP/1.1 %d X\r\n%b\r\n\r\n" % (status, fields)
    assert verdict_of(lambda: response_body(method, response_head(raw))) == verdict


def verdict_of(read) -> str | int | None:
    """Give the verdict on the body that ``read`` finds."""
    try:
        body: Body = read()
    except BadHead as problem:
        return problem.status
    if body.chunked:
        return CHUNKS
    if isinstance(body, UntilClose):
        return CLOSE
    return body.length or NONE
