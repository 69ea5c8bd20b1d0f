"""Safe search, each way in: the enforcing host's address is connected to, and the browser asks for the engine."""

import http.client
import json
import ssl

import pytest

from tests.integration.proxy.school import sign
from tests.integration.proxy.wire import ends_within, until
from tests.integration.support_parts import PASSWORD
from tests.integration.support_place import DOMAIN
from tests.integration.ways.test_connect import proxy
from tests.integration.ways.test_tls import ALERT
from tests.integration.ways.town import (
    ENGINE,
    FRED,
    MARIA,
    MODERATE,
    SAFE,
    SERVER,
    STRICT,
    Town,
    eventually,
)
from tests.unit.proxy.test_hello import hello, names

GOOGLE, YOUTUBE = "www.google.com", "www.youtube.com"
APART, APART6 = "192.0.2.1", "[2001:db8::1]"
"""What the WLAN's DNS says of them."""


def curl(town: Town) -> list[str]:
    """Curl, which trusts the engines' certificates and no other."""
    return ["curl", "--silent", "--max-time", "10", "--cacert", str(town.folder / "engines" / "ca.pem")]


def by_proxy(town: Town, url: str, login: str = FRED) -> tuple[int, str]:
    """Exit status of curl on the phone, and what it gets by the proxy."""
    argv = [*curl(town), "--noproxy", ""]
    argv += ["--proxy", f"https://{DOMAIN}:3129", "--proxy-cacert", str(town.ca)]
    argv += ["--resolve", f"{DOMAIN}:3129:{SERVER}", "--proxy-user", f"{login}:{PASSWORD}"]
    done = town.net.phone.run(*argv, url)
    return done.returncode, done.stdout


def by_wlan(town: Town, scheme: str, host: str, chosen: str = APART) -> str:
    """The address at which the phone of the WLAN reaches ``host``."""
    port = 443 if scheme == "https" else 80
    argv = [*curl(town), "--noproxy", "*"]
    done = town.net.phone.run(*argv, "--resolve", f"{host}:{port}:{chosen}", f"{scheme}://{host}/x")
    return str(json.loads(done.stdout)["at"])


def _led_to(town: Town, url: str, at: str) -> bool:
    """Whether the proxy leads there by now; it may still say, by a page, what another test has published."""
    page = by_proxy(town, url)[1]
    return page.startswith("{") and json.loads(page)["at"] == at


@pytest.fixture
def town(town: Town) -> Town:
    """The proxy knows that what another test published is over."""
    eventually(lambda: _led_to(town, f"http://{GOOGLE}/x", SAFE))
    return town


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("host", "login", "at"),
    [
        (GOOGLE, FRED, SAFE),
        (GOOGLE, MARIA, ENGINE),
        (YOUTUBE, FRED, STRICT),
        (YOUTUBE, MARIA, ENGINE),
    ],
)
def test_by_the_proxy(town, scheme, host, login, at):
    status, page = by_proxy(town, f"{scheme}://{host}/x", login)
    assert status == 0, "the certificate is the engine's"
    told = json.loads(page)
    assert (told["at"], told["host"]) == (at, host)
    way = "connect" if scheme == "https" else "http"
    eventually(lambda: town.used(kind="web-used", login=login, host=host, way=way))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_on_the_wlan(town, scheme):
    assert by_wlan(town, scheme, GOOGLE) == SAFE, "nobody's device: the strictest"
    assert by_wlan(town, scheme, YOUTUBE) == STRICT
    assert by_wlan(town, scheme, YOUTUBE, APART6) == STRICT
    town.publish(owners=town.own(MARIA))
    eventually(lambda: town.open_to_phone("other.example"))
    assert by_wlan(town, scheme, GOOGLE) == by_wlan(town, scheme, YOUTUBE) == ENGINE


def test_the_first_rule_that_fits_counts(town):
    town.publish(fred__mustermann={"groups": ("klasse10a",)})
    eventually(lambda: _led_to(town, f"https://{YOUTUBE}/x", MODERATE))
    assert json.loads(by_proxy(town, f"http://{GOOGLE}/x")[1])["at"] == ENGINE


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_enforcing_host_that_leads_inside_is_not_passed_by(town, scheme):
    before = town.heard.connections
    with town.refuses("inside"):
        by_proxy(town, f"{scheme}://www.bing.com/x")
    assert town.heard.connections == before
    assert json.loads(by_proxy(town, f"{scheme}://www.bing.com/x", MARIA)[1])["at"] == ENGINE


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_enforcing_host_that_is_no_more_closes_the_engine(town, scheme):
    before = town.heard.connections
    _, page = by_proxy(town, f"{scheme}://duckduckgo.com/x")
    assert town.heard.connections == before
    assert ("Eine Seite dieses Namens gibt es nicht." in page) == (scheme == "http")


@pytest.mark.parametrize("said", [b"forcesafesearch.google.com", b"www.google.de"])
def test_the_hello_names_the_engine_that_was_asked_for(town, said):
    with town.refuses("other-name"), proxy(town, f"CONNECT {GOOGLE}:443") as client:
        until(client, b"\r\n\r\n")
        client.sendall(hello(names(said)))
        assert client.recv(100) == ALERT


def test_an_open_tunnel_ends_when_another_rule_counts(town):
    with town.refuses("search-changed"), proxy(town, f"CONNECT {GOOGLE}:443") as client:
        until(client, b"\r\n\r\n")
        town.publish(fred__mustermann={"groups": ("klasse10a",)})
        assert ends_within(client, 2)


def test_a_kept_connection_is_nobody_elses(town):
    def ask(client: ssl.SSLSocket, login: str) -> str:
        client.sendall(f"GET http://{GOOGLE}/x HTTP/1.1\r\nHost: {GOOGLE}\r\n{sign(login)}\r\n".encode())
        told = http.client.HTTPResponse(client)
        told.begin()
        return str(json.loads(told.read())["at"])

    with town.phone(SERVER, 3129) as plain, town.context.wrap_socket(plain, server_hostname=DOMAIN) as client:
        assert [ask(client, login) for login in (MARIA, FRED, FRED, MARIA)] == [ENGINE, SAFE, SAFE, ENGINE]
