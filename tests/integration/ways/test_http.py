"""HTTP of the WLAN: by the Host that it says, looked up anew, and never to the address that the phone has chosen."""

import contextlib
import json
import socket

import pytest

from tests.integration.proxy.wire import until
from tests.integration.ways.town import (
    BLOCKED,
    CHOSEN,
    CHOSEN6,
    FRED,
    GOOD,
    LATE,
    MARIA,
    PC,
    PHONE,
    PHONE6,
    SERVER,
    SIX,
    Town,
    eventually,
)


def ask(town: Town, host: str, *more: str, to: str = CHOSEN) -> tuple[int, bytes]:
    """What curl on the phone gets for a request with ``host``."""
    argv = ["curl", "--silent", "--globoff", "--max-time", "10", "--write-out", "\n%{http_code}", "--noproxy", "*"]
    argv += ["--header", f"Host: {host}", *more, f"http://[{to}]/x" if ":" in to else f"http://{to}/x"]
    page, _, status = town.net.phone.run(*argv).stdout.rpartition("\n")
    return int(status), page.encode()


def head(town: Town, data: str) -> int:
    """The status that a phone gets that sends ``data``."""
    with town.phone(CHOSEN, 80) as client:
        client.sendall(data.encode())
        with contextlib.suppress(ConnectionResetError):
            return int((client.recv(4096) or b"HTTP/1.1 0")[9:12])
        return 0


@pytest.mark.parametrize(
    ("host", "chosen", "address"),
    [
        ("good.example", CHOSEN, GOOD),
        ("GOOD.Example.", CHOSEN, GOOD),
        ("good.example:80", GOOD, GOOD),
        ("good.example", CHOSEN6, GOOD),
        ("mixed.example", PC, GOOD),
    ],
)
def test_the_site_that_is_named_is_reached_wherever_the_phone_wanted_to_go(town, host, chosen, address):
    status, page = ask(town, host, to=chosen)
    told = json.loads(page)
    assert (status, told["at"], told["path"]) == (200, address, "/x")
    assert told["host"] == host.lower().rstrip(".").removesuffix(":80")


def test_over_ipv6_on_both_sides(town):
    town.publish(owners=town.own(MARIA, PHONE6))
    eventually(lambda: town.open_to_phone("other.example", CHOSEN6))
    with town.refuses("not-open"):
        assert ask(town, "six.example", to=CHOSEN6)[0] == 403
    town.publish(owners=town.own(FRED, PHONE6))
    eventually(lambda: town.open_to_phone("six.example", CHOSEN6))
    assert json.loads(ask(town, "six.example", to=CHOSEN6)[1])["at"] == SIX
    eventually(lambda: town.used(kind="web-used", login=MARIA, address=PHONE6, host="other.example", way="http"))


def test_wget(town):
    argv = ["wget", "--quiet", "-O", "-", "--tries=1", "--timeout=10", "--no-proxy", "--header", "Host: good.example"]
    assert json.loads(town.net.phone.run(*argv, f"http://{CHOSEN}/w").stdout)["path"] == "/w"


@pytest.mark.parametrize(
    "data",
    [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example\r\nHost: good.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example\r\nhOsT: other.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : good.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example, other.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a@good.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example/\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example:443\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example:8080\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example..\r\n\r\n",
        "GET http://good.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n",
        "GET good.example HTTP/1.1\r\nHost: good.example\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: good.example\r\n\r\n",
        "CONNECT good.example:443 HTTP/1.1\r\nHost: good.example\r\n\r\n",
        "CONNECT /x HTTP/1.1\r\nHost: good.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_a_head_that_could_be_read_in_two_ways_reaches_nobody(town, data):
    before = town.heard.connections
    assert head(town, data) == 400
    assert town.heard.connections == before


@pytest.mark.parametrize(
    "host",
    [
        GOOD,
        "151587082",
        "0x0909090a",
        "011.011.011.012",
        "9.9.2314",
        "0x9.9.9.10",
        f"{GOOD}.",
        "[2620:fe::10]",
        "[::ffff:9.9.9.10]",
        "[::ffff:0909:090a]",
        "[::9.9.9.10]",
        "[64:ff9b::9.9.9.10]",
        "127.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        PC,
        SERVER,
        "169.254.1.1",
        "[fd12:1:1:12::9]",
    ],
)
def test_an_address_is_no_name(town, host):
    before = town.heard.connections
    assert ask(town, host)[0] == 403
    assert town.heard.connections == before


@pytest.mark.parametrize(
    "name",
    [
        "inside.example",
        "server.example",
        "away.example",
        "loop.example",
        "loop6.example",
        "link.example",
        "link6.example",
        "zero.example",
        "mapped.example",
        "nat.example",
        "bought.example",
        "localhost",
    ],
)
def test_a_name_that_leads_inside_leads_nowhere(town, name):
    with town.refuses("inside"):
        status, page = ask(town, name)
    assert status == 403
    assert b"<code>" in page


def test_an_address_that_the_server_has_got_since_is_its_own(town):
    server = town.net.server
    server.must(f"ip addr add {LATE}/32 dev lo")
    try:
        with server.within(lambda: socket.create_server((LATE, 80))) as itself, town.refuses("inside"):
            assert ask(town, "late.example")[0] == 403
            itself.settimeout(5)
            with itself.accept()[0] as connection:
                connection.settimeout(5)
                with contextlib.suppress(ConnectionResetError):
                    assert connection.recv(1) == b"", "nothing is said"
    finally:
        server.must(f"ip addr del {LATE}/32 dev lo")


def test_a_name_that_leads_elsewhere_a_moment_later(town):
    town.now("moves.example", GOOD)
    eventually(lambda: ask(town, "moves.example")[0] == 200)
    town.now("moves.example", PC)
    eventually(lambda: ask(town, "moves.example")[0] == 403)
    assert {at for at, host, _path in town.heard.requests if host == "moves.example"} == {GOOD}


def test_who_does_not_exist(town):
    assert ask(town, "none.example")[0] == 502


def test_two_sites_over_one_connection_are_two_sites(town):
    with town.phone(CHOSEN, 80) as client:
        for host, path in (("good.example", "/1"), ("mixed.example", "/2"), ("good.example", "/3")):
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            told = until(client, b"}")
            assert f'"host": "{host}", "path": "{path}"'.encode() in told


def test_the_page_that_refuses_says_why_with_a_code_in_the_language_of_the_browser(town):
    with town.refuses("closed-category", "closed-category"):
        status, page = ask(town, BLOCKED, "--header", "Accept-Language: de")
        assert (status, b"Kategorie" in page) == (403, True)
        status, page = ask(town, f"www.{BLOCKED}", "--header", "Accept-Language: en")
        assert (status, b"category" in page) == (403, True)
    assert BLOCKED.encode() not in page


def test_no_password_is_asked_for_or_passed_on(town):
    status, page = ask(town, "good.example", "--header", "Proxy-Authorization: Basic Zzp4", "--include")
    assert status == 200
    assert b"uthenticate" not in page
    assert b"Zzp4" not in page


def test_what_an_address_without_owner_uses_is_recorded_with_the_address_alone(town):
    assert ask(town, "good.example")[0] == 200
    wanted = {"kind": "web-used", "login": "", "address": PHONE, "host": "good.example", "port": 80, "way": "http"}
    eventually(lambda: town.used(**wanted))
    assert SIX not in town.log.read_text()
