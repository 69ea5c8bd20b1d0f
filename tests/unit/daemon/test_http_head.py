"""The strict byte check: what two programs could read in two ways is no head."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.daemon.http_head import HEAD_MAX, BadHead, cut_head, request_head, request_head_like, response_head

GOOD = b"GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\nX-Empty:\r\nAccept: \t a, b \t\r\n\r\n"


def test_a_request():
    head = request_head(GOOD)
    assert (head.method, head.target, head.minor) == ("GET", "http://example.org/", 1)
    assert head.fields == (("host", "Host", "example.org"), ("x-empty", "X-Empty", ""), ("accept", "Accept", "a, b"))
    assert head.values("accept") == ["a, b"]


@pytest.mark.parametrize(
    "bad",
    [
        GOOD.replace(b"\r\n", b"\n"),
        GOOD.replace(b"X-Empty:\r\n", b"X-Empty:\n"),
        GOOD.replace(b"X-Empty:", b"X-Empty :"),
        GOOD.replace(b"X-Empty:", b" X-Empty:"),
        GOOD.replace(b"X-Empty:", b"X Empty:"),
        GOOD.replace(b"X-Empty:", b"X-Empty"),
        GOOD.replace(b"X-Empty:", b"X-Empty: a\r\n folded"),
        GOOD.replace(b"X-Empty:", b"X-Empty: a\rb"),
        GOOD.replace(b"X-Empty:", b"X-Empty: a\0b"),
        GOOD.replace(b"X-Empty:", b"X-Empty: a\x7fb"),
        GOOD.replace(b"X-Empty:", b"Host: example.net"),
        GOOD.replace(b"Host:", b"Hots:"),
        GOOD.replace(b"GET ", b"GET  "),
        GOOD.replace(b" HTTP/1.1", b" HTTP/1.1 "),
        GOOD.replace(b"HTTP/1.1", b"http/1.1"),
        GOOD.replace(b"HTTP/1.1", b"HTTP/1.10"),
        GOOD.replace(b"HTTP/1.1", b"HTTP/ 1.1"),
        GOOD.replace(b"example.org/ ", b"example.org/\xc3\xa4 "),
        b"\r\n" + GOOD,
        GOOD[:-2],
        GOOD + b"x",
        b"GET\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_a_head_that_is_none(bad):
    with pytest.raises(BadHead) as caught:
        request_head(bad)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (GOOD.replace(b"HTTP/1.1", b"HTTP/2.0"), 505),
        (GOOD.replace(b"org/ ", b"org/" + b"a" * 9000 + b" "), 414),
        (GOOD[:-2] + b"A: b\r\n" * 101 + b"\r\n", 431),
    ],
)
def test_heads_that_get_a_status_of_their_own(head, status):
    with pytest.raises(BadHead) as caught:
        request_head(head)
    assert caught.value.status == status


def test_http_1_0_needs_no_host():
    assert request_head(b"GET http://example.org/ HTTP/1.0\r\n\r\n").minor == 0


def test_a_head_is_cut_out_however_it_arrives():
    buffer = bytearray()
    for number, byte in enumerate(GOOD):
        assert cut_head(buffer) is None, number
        buffer.append(byte)
    buffer += b"more"
    assert cut_head(buffer) == GOOD
    assert buffer == b"more"


@pytest.mark.parametrize(
    ("data", "status"), [(b"GET / HTTP/1.1\n", 400), (b"a" * HEAD_MAX, 431), (b"a" * HEAD_MAX + b"\r\n\r\n", 431)]
)
def test_what_cannot_become_a_head_is_refused_before_it_ends(data, status):
    with pytest.raises(BadHead) as caught:
        cut_head(bytearray(data))
    assert caught.value.status == status


def test_a_response():
    head = response_head(b"HTTP/1.1 200 All right\r\nA: b\r\n\r\n")
    assert (head.minor, head.status, head.phrase) == (1, 200, "All right")
    assert response_head(b"HTTP/1.0 404\r\n\r\n").phrase == ""


@pytest.mark.parametrize(
    "line", [b"HTTP/2 200", b"HTTP/1.1 99", b"HTTP/1.1 2000", b"HTTP/1.1  200", b"ICY 200 OK", b""]
)
def test_a_response_that_is_none(line):
    with pytest.raises(BadHead):
        response_head(line + b"\r\n\r\n")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_refused(data):
    for read in (request_head, response_head):
        try:
            head = read(data)
        except BadHead:
            continue
        assert all("\n" not in value and "\r" not in value for _, _, value in head.fields)


@given(
    st.lists(st.sampled_from([b"GET / HTTP/1.1", b"\r\n", b"\n", b"\r", b"A: b", b"Host: a", b" ", b":"]), max_size=12)
)
def test_what_is_accepted_can_be_read_in_one_way_only(parts):
    data = b"".join(parts)
    try:
        head = request_head(data)
    except BadHead:
        return
    lines = [f"{head.method} {head.target} HTTP/1.{head.minor}", *(f"{name}:{value}" for _, name, value in head.fields)]
    assert data.replace(b" ", b"").decode() == "".join(f"{line}\r\n" for line in lines).replace(" ", "") + "\r\n"


_LINES = [
    b"GET /a HTTP/1.1",
    b"POST http://b/c HTTP/1.1",
    b"GET /a HTTP/1.0",
    b"GET /a HTTP/2.0",
    b"GET  /a HTTP/1.1",
    b"GET",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1",
    b"GET /a HTTP/1.1\rX: y",
    b"GET /\xe4 HTTP/1.1",
]


@given(
    st.sampled_from(_LINES),
    st.lists(
        st.sampled_from([b"Range: bytes=0-", b"Secret: x", b"Te: y", b"X-a:  b ", b"Connection: x-a"]), max_size=4
    ),
)
def test_a_head_of_known_fields_is_read_as_if_they_were_not_known(line, fields):
    rest = b"\r\n".join([b"", b"Host: a", *fields, b"", b""])
    read = request_head_like(line, request_head(b"PUT / HTTP/1.1" + rest).likeness("secret"))
    try:
        whole = request_head(line + rest)
    except BadHead:
        assert read is None
        return
    if whole.minor == 0:
        assert read is None
    else:
        assert parts_of(read) == parts_of(whole)


def parts_of(head):
    return head.method, head.target, head.minor, head.near, head.far, head.named, head.values("x-a")


def test_a_likeness_has_no_secret_and_no_first_line():
    head = request_head(GOOD.replace(b"X-Empty:\r\n", b"Range: x\r\nRANGE: y\r\n")).likeness("range")
    assert (head.near, head.fields) == ({"host": ("example.org",)}, (("accept", "Accept", "a, b"),))
    assert (head.method, head.target) == ("", "")
