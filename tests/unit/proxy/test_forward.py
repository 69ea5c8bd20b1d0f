"""What goes up is written anew: whatever a client sends, an origin reads one request and the one that was judged."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.daemon.http_framing import request_body, response_body
from appliance.daemon.http_head import BadHead, request_head, response_head
from appliance.proxy.forward import interim, keeps_open, request_upstream, response_downstream
from appliance.proxy.target import absolute_form

NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
TEXT = frozenset([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
FOR_US = {
    *("connection", "content-length", "host", "http2-settings", "keep-alive", "proxy-authenticate", "te", "trailer"),
    *("proxy-authentication-info", "proxy-authorization", "proxy-connection", "transfer-encoding", "upgrade"),
}


def sent(raw: bytes) -> bytes:
    """Give the head that goes to the origin."""
    head = request_head(raw)
    where, path = absolute_form(head.target)
    return request_upstream(head, where, path, request_body(head))


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (b"http://a", b"GET / HTTP/1.1\r\nHost: a\r\n"),
        (b"http://A.Example./X?y=Z", b"GET /X?y=Z HTTP/1.1\r\nHost: a.example\r\n"),
        (b"http://a?b", b"GET /?b HTTP/1.1\r\nHost: a\r\n"),
        (b"http://a:8080/", b"GET / HTTP/1.1\r\nHost: a:8080\r\n"),
        (b"http://a:080/", b"GET / HTTP/1.1\r\nHost: a\r\n"),
        (b"http://[::1]/", b"GET / HTTP/1.1\r\nHost: [::1]\r\n"),
        (b"http://a//b/../%2e%2e/%2Fc", b"GET //b/../%2e%2e/%2Fc HTTP/1.1\r\nHost: a\r\n"),
        (b"http://a/b\\c@d", b"GET /b\\c@d HTTP/1.1\r\nHost: a\r\n"),
        (b"http://a/http://b/", b"GET /http://b/ HTTP/1.1\r\nHost: a\r\n"),
        (b"http://a/%0d%0aHost:%20b", b"GET /%0d%0aHost:%20b HTTP/1.1\r\nHost: a\r\n"),
        (b"http://a?@b/", b"GET /?@b/ HTTP/1.1\r\nHost: a\r\n"),
        (b"http://a/x HTTP/1.1", None),
        (b"http://user@a/", None),
        (b"http://user:word@a/", None),
        (b"http://b@a/", None),
        (b"http://a\\@b/", None),
        (b"http://a\\b/", None),
        (b"http:\\\\a/", None),
        (b"http:/a/", None),
        (b"http:a", None),
        (b"http:///a", None),
        (b"http://", None),
        (b"http://?a", None),
        (b"//a/", None),
        (b"/", None),
        (b"*", None),
        (b"a:80", None),
        (b"http://a/#b", None),
        (b"http://a#@b/", None),
        (b"http://a%2eb/", None),
        (b"http://a%00/", None),
        (b"http://a%23@b/", None),
        (b"http://a,b/", None),
        (b"http://a;b/", None),
        (b"http://a&b/", None),
        (b"http://a:80:80/", None),
        (b"http://a:/", None),
        (b"http://a:0/", None),
        (b"http://a:65536/", None),
        (b"http://a:-80/", None),
        (b"http://a:+80/", None),
        (b"http://a:0x50/", None),
        (b"http://a:80@b/", None),
        (b"http://.a/", None),
        (b"http://a..b/", None),
        (b"http://[::1/", None),
        (b"http://::1/", None),
        (b"http://[::1]a/", None),
        (b"http://[::1%25eth0]/", None),
        (b"http://[a]/", None),
        (b"https://a/", None),
        (b"ftp://a/", None),
        (b"file:///etc/passwd", None),
        (b"gopher://a:25/_HELO", None),
        (b"ws://a/", None),
        (b"1http://a/", None),
        (b"ht\\tp://a/", None),
        (b"http://b\xc3\xbccher/", None),
        (b"http://a\x7f/", None),
    ],
)
@pytest.mark.parametrize("host", [b"Host: b", b"Host:", b"Host: a b/../?#"])
def test_the_target_counts_and_not_the_host_beside_it(target, host, line):
    raw = b"GET " + target + b" HTTP/1.1\r\n" + host + b"\r\n\r\n"
    if line is None:
        with pytest.raises(BadHead):
            sent(raw)
    else:
        assert sent(raw) == line + b"Via: 1.1 schoolserver\r\n\r\n"


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ("Connection: Host, Content-Length, Transfer-Encoding", "A: b|Cookie: c|Content-Length: 3"),
        ("Connection: a", "Cookie: c|Content-Length: 3"),
        ("Connection: A ,\tcookie", "Content-Length: 3"),
        ("Connection: close\r\nConnection: a", "Cookie: c|Content-Length: 3"),
        ("Proxy-Connection: a", "Cookie: c|Content-Length: 3"),
        ("Connection: ,, ,", "A: b|Cookie: c|Content-Length: 3"),
        ("Connection:", "A: b|Cookie: c|Content-Length: 3"),
        ("Connection: Via", "A: b|Cookie: c|Content-Length: 3"),
        (
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A",
            "A: b|Cookie: c|Content-Length: 3",
        ),
        ("Upgrade: websocket\r\nTE: trailers\r\nTrailer: X\r\nKeep-Alive: 5", "A: b|Cookie: c|Content-Length: 3"),
        ("PROXY-authorization:Basic x\r\nproxy-Authorization: y", "A: b|Cookie: c|Content-Length: 3"),
        ("Proxy-Authenticate: Basic\r\nProxy-Authentication-Info: x", "A: b|Cookie: c|Content-Length: 3"),
        ("RANGE:bytes=0-1", "A: b|Cookie: c|Range: bytes=0-1|Content-Length: 3"),
        ("Range: bytes=0-1\r\nConnection: range", "A: b|Cookie: c|Content-Length: 3"),
        ("Range: bytes=0-1, 3-4", "A: b|Cookie: c|Content-Length: 3"),
        ("Expect: 100-continue", "Expect: 100-continue|A: b|Cookie: c|Content-Length: 3"),
        ("X: \t y\t z \t", "X: y\t z|A: b|Cookie: c|Content-Length: 3"),
        ("X:", "X: |A: b|Cookie: c|Content-Length: 3"),
    ],
)
def test_what_concerns_this_connection_only_goes_no_further(fields, kept):
    raw = f"PUT http://a/ HTTP/1.1\r\nHost: a\r\n{fields}\r\nA: b\r\nCookie: c\r\nContent-Length: 0003\r\n\r\n"
    lines = ["PUT / HTTP/1.1", "Host: a", *kept.split("|"), "Via: 1.1 schoolserver", "", ""]
    assert sent(raw.encode()).decode() == "\r\n".join(lines)


@pytest.mark.parametrize(
    ("fields", "open_after"),
    [
        ("A: b", True),
        ("Connection: keep-alive", True),
        ("Connection: close", False),
        ("connection:\tCLOSE", False),
        ("Connection: keep-alive, Close", False),
        ("Connection: keep-alive\r\nConnection: close", False),
        ("Proxy-Connection: close", False),
        ("Connection: closed", True),
    ],
)
def test_who_says_close_is_closed(fields, open_after):
    assert keeps_open(request_head(f"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n".encode())) == open_after
    assert keeps_open(response_head(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode())) == open_after
    assert not keeps_open(response_head(f"HTTP/1.0 200 OK\r\n{fields}\r\n\r\n".encode()))


@pytest.mark.parametrize(
    ("method", "status", "length"), [("GET", 204, None), ("GET", 304, "7"), ("HEAD", 200, "7"), ("GET", 200, "7")]
)
def test_a_length_is_told_where_there_may_be_one(method, status, length):
    asked = request_head(f"{method} http://a/ HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    head = response_head(f"HTTP/1.1 {status} X\r\nContent-Length: 007\r\n\r\n".encode())
    back = response_downstream(head, asked, response_body(method, head), keep=True)
    assert response_head(back).values("content-length") == ([] if length is None else [length])
    assert b"ength" not in interim(response_head(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nA: b\r\n\r\n"))


# whatever passes

METHODS = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "get", "!x"])
TARGETS = st.sampled_from(
    [
        "http://a",
        "HTTP://A.b:81/x?y",
        "http://a/x y",
        "http://[::1]/",
        "/x",
        "http://a@b/",
        "http://a/\\@#",
        "http://a?",
    ]
)
NAMES = st.sampled_from(
    [*sorted(FOR_US), "Range", "RANGE", "Cookie", "X-A", "x-a", "Content-LENGTH", "Transfer-Encoding", "Connection"]
)
VALUES = st.sampled_from(
    ["a", "", "3", "03", "3, 3", "chunked", "gzip", "close", "x-a", "cookie, range", "bytes=0-1", "bytes=0-1,2-3"]
) | st.text(st.characters(max_codepoint=0xFF), max_size=6)
BETWEEN = st.sampled_from([": ", ": ", ": ", ":", ":\t ", " : ", ":\r\n "])
FIELDS = st.lists(st.builds("{}{}{}\r\n".format, NAMES, BETWEEN, VALUES), max_size=6).map("".join)


@given(METHODS, TARGETS, st.sampled_from("01"), FIELDS, st.text(st.characters(max_codepoint=0xFF), max_size=3))
@example("GET", "http://a", "1", "Connection: x-a\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n", "")
def test_a_request_that_passes_arrives_as_what_it_was(method, target, minor, fields, more):
    raw = f"{method} {target}{more} HTTP/1.{minor}\r\nHost: b\r\n{fields}\r\n".encode("latin-1")
    try:
        head = request_head(raw)
        (where, path), body = absolute_form(head.target), request_body(head)
    except BadHead:
        return
    up = request_upstream(head, where, path, body)
    check_bytes(up)
    again = request_head(up)
    assert (again.method, again.target, again.minor) == (method, path, 1)
    assert absolute_form(f"http://{again.values('host')[0]}/") == (where, "/")
    behind = request_body(again)
    assert (behind.chunked, behind.length) == (body.chunked, body.length)
    assert beyond(again) == [*beyond(head), ("via", "1.1 schoolserver")]
    check_near(again, {"host", "content-length", "transfer-encoding", "range"})
    assert set(again.values("range")) <= set(head.values("range"))


@given(
    st.sampled_from(["GET", "HEAD"]), st.sampled_from("01"), st.sampled_from([200, 204, 206, 304, 404]), FIELDS, VALUES
)
def test_a_response_that_passes_arrives_as_what_it_was(method, minor, status, fields, phrase):
    asked = request_head(f"{method} http://a/ HTTP/1.{minor}\r\nHost: a\r\n\r\n".encode())
    try:
        head = response_head(f"HTTP/1.1 {status} {phrase}\r\n{fields}\r\n".encode("latin-1"))
        body = response_body(method, head)
    except BadHead:
        return
    check_bytes(interim(head))
    for keep in (True, False):
        down = response_downstream(head, asked, body, keep)
        check_bytes(down)
        again = response_head(down)
        assert (again.status, again.phrase, keeps_open(again)) == (status, head.phrase, keep)
        behind = response_body(method, again)
        assert (behind.chunked, behind.length) == (body.chunked and minor == "1", body.length)
        assert beyond(again) == [*beyond(head), ("via", "1.1 schoolserver")]
        check_near(again, {"connection", "content-length", "transfer-encoding"})


def beyond(head):
    """What of a head concerns others than the two ends of the connection it came by, without a range."""
    named = ",".join([*head.values("connection"), *head.values("proxy-connection")])
    dropped = FOR_US | {"range"} | {part.strip().lower() for part in named.split(",")}
    return [(key, value) for key, _, value in head.fields if key not in dropped]


def check_near(head, allowed):
    for name in (FOR_US | {"range"}) - allowed:
        assert not head.values(name), name
    for name in allowed:
        assert len(head.values(name)) <= 1, name


def check_bytes(head):
    """Each line is a first line or a field, and nothing else is there."""
    assert head.endswith(b"\r\n\r\n")
    first, *lines = head[:-4].split(b"\r\n")
    assert TEXT.issuperset(first)
    for line in lines:
        name, colon, value = line.partition(b": ")
        assert colon
        assert name
        assert NAME.issuperset(name)
        assert TEXT.issuperset(value)
        assert value == value.strip(b" \t")
