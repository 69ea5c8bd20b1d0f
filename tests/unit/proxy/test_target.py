"""What is asked for, and the head that is written anew for it."""

import pytest

from appliance.daemon.http_framing import request_body, response_body
from appliance.daemon.http_head import BadHead, request_head, response_head
from appliance.proxy.forward import interim, keeps_open, request_upstream, response_downstream
from appliance.proxy.target import Where, absolute_form, authority_form, origin_form, resource


@pytest.mark.parametrize(
    ("target", "where", "path"),
    [
        ("http://example.org", Where("example.org", 80), "/"),
        ("HTTP://Example.ORG./a?b", Where("example.org", 80), "/a?b"),
        ("http://example.org:8080?q", Where("example.org", 8080), "/?q"),
        ("http://[2001:db8::1]:81/", Where("2001:db8::1", 81), "/"),
        ("http://[2001:DB8:0:00::0.0.0.1]/", Where("2001:db8::1", 80), "/"),
        ("http://127.0.0.1//x", Where("127.0.0.1", 80), "//x"),
    ],
)
def test_absolute_form(target, where, path):
    assert absolute_form(target) == (where, path)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 400),
        ("*", 400),
        ("example.org", 400),
        ("https://example.org/", 501),
        ("ftp://example.org/", 501),
        ("http:///", 400),
        ("http://user@example.org/", 400),
        ("http://example.org@example.net/", 400),
        ("http://example.org\\@example.net/", 400),
        ("http://example.org:0/", 400),
        ("http://example.org:65536/", 400),
        ("http://example.org:/", 400),
        ("http://example.org:80:80/", 400),
        ("http://ex%61mple.org/", 400),
        ("http://example.org/#part", 400),
        ("http://[::1/", 400),
    ],
)
def test_targets_that_are_refused(target, status):
    with pytest.raises(BadHead) as caught:
        absolute_form(target)
    assert caught.value.status == status


def test_authority_form():
    assert authority_form("Example.org:443") == Where("example.org", 443)
    assert str(authority_form("[::1]:443")) == "[::1]:443"
    for bad in (
        "example.org",
        "example.org:",
        ":443",
        "http://example.org:443",
        "a@example.org:443",
        "example.org:443/",
    ):
        with pytest.raises(BadHead):
            authority_form(bad)


@pytest.mark.parametrize(
    "path",
    [
        "/a/b.iso",
        "/a/b.iso?part=3",
        "/%61/b%2Eiso",
        "/%61/b%2eiso?",
        "//a///b.iso",
        "/./a/x/../b.iso",
        "/a/%2e%2E/%61/./b.iso",
        "/../a/b.iso",
        "/A/B.ISO",
        "/a%2fb.iso",
        "/a;x=1/b.iso;y",
        "\\a\\b.iso",
    ],
)
def test_one_thing_has_one_name_however_it_is_spelled(path):
    assert resource(Where("example.org", 80), path) == "http://example.org:80/a/b.iso"


@pytest.mark.parametrize("path", ["/", "/a/b.isp", "/a", "/b.iso", "/%2561/b.iso"])
def test_other_things_have_other_names(path):
    assert resource(Where("example.org", 80), path) != "http://example.org:80/a/b.iso"


@pytest.mark.parametrize("host", ["Example.org", "example.org:80", "example.org."])
def test_origin_form(host):
    head = request_head(f"GET /a?b#c HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert origin_form(head) == (Where("example.org", 80), "/a?b")


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("GET / HTTP/1.1", "example.org:443"),
        ("GET / HTTP/1.1", "example.org:0"),
        ("GET / HTTP/1.1", "example.org:"),
        ("GET / HTTP/1.1", ""),
        ("GET / HTTP/1.1", "a@example.org"),
        ("GET http://example.org/ HTTP/1.1", "example.org"),
        ("GET example.org HTTP/1.1", "example.org"),
        ("OPTIONS * HTTP/1.1", "example.org"),
        ("CONNECT /x HTTP/1.1", "example.org"),
    ],
)
def test_what_was_not_on_its_way_to_the_site_that_it_names(line, host):
    with pytest.raises(BadHead):
        origin_form(request_head(f"{line}\r\nHost: {host}\r\n\r\n".encode()))


def test_without_host_nobody_knows_where_to():
    with pytest.raises(BadHead):
        origin_form(request_head(b"GET / HTTP/1.0\r\n\r\n"))


ASKED = (
    b"POST http://example.org:8080/x HTTP/1.1\r\nHost: evil.example\r\nProxy-Authorization: Basic c2VjcmV0\r\n"
    b"Connection: keep-alive, X-Private\r\nX-Private: 1\r\nProxy-Connection: keep-alive\r\n"
    b"Keep-Alive: 5\r\nTE: gzip\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAA\r\nAccept: */*\r\nCookie: a=b\r\nContent-Length: 3\r\n\r\n"
)


def test_a_request_is_written_anew():
    head = request_head(ASKED)
    where, path = absolute_form(head.target)
    assert request_upstream(head, where, path, request_body(head)).decode() == (
        "POST /x HTTP/1.1\r\nHost: example.org:8080\r\nAccept: */*\r\nCookie: a=b\r\nContent-Length: 3\r\n"
        "Via: 1.1 schoolserver\r\n\r\n"
    )
    assert keeps_open(head)


def test_a_request_in_chunks_and_one_without_body():
    head = request_head(ASKED.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked"))
    assert b"Transfer-Encoding: chunked\r\n" in request_upstream(head, Where("::1", 80), "/", request_body(head))
    assert b"Host: [::1]\r\n" in request_upstream(head, Where("::1", 80), "/", request_body(head))
    plain = request_head(b"GET http://a/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert b"Length" not in request_upstream(plain, Where("a", 80), "/", request_body(plain))
    assert not keeps_open(plain)


def test_a_response_is_written_anew():
    asked = request_head(ASKED)
    head = response_head(
        b"HTTP/1.1 200 OK\r\nConnection: close, X-Own\r\nX-Own: 1\r\nProxy-Authenticate: Basic\r\nA: b\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    body = response_body("GET", head)
    assert response_downstream(head, asked, body, keep=True) == (
        b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\nVia: 1.1 schoolserver\r\n\r\n"
    )
    old = request_head(b"GET http://a/ HTTP/1.0\r\n\r\n")
    assert response_downstream(head, old, body, keep=False) == (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nA: b\r\nVia: 1.1 schoolserver\r\n\r\n"
    )


def test_the_length_of_a_response_to_head_is_told():
    head = response_head(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    asked = request_head(ASKED.replace(b"POST", b"HEAD"))
    assert b"Content-Length: 99\r\n" in response_downstream(head, asked, response_body("HEAD", head), keep=True)


def test_an_interim_response():
    assert interim(response_head(b"HTTP/1.1 100 Continue\r\n\r\n")).startswith(b"HTTP/1.1 100 Continue\r\n")
