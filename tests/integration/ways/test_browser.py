"""A real browser: on the WLAN, where it knows of no proxy, and with the proxy's address in a script (PAC)."""

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.support_parts import PASSWORD
from tests.integration.support_place import DOMAIN
from tests.integration.ways.browser import browsing
from tests.integration.ways.town import (
    BLOCKED,
    CHOSEN,
    CLOSED,
    ENGINE,
    FRED,
    GOOD,
    MARIA,
    SAFE,
    SERVER,
    STRICT,
    Town,
    eventually,
)

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium")


def key_of(certificate: Path) -> str:
    """The hash of its key, by which Chromium is told to trust this certificate and no other."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


def trusting(town: Town, *more: Path) -> str:
    certificates = (town.folder / "site" / "cert.pem", town.folder / "engine" / "cert.pem", *more)
    return f"--ignore-certificate-errors-spki-list={','.join(map(key_of, certificates))}"


def test_on_the_wlan(town, tmp_path):
    rules = f"--host-resolver-rules=MAP * {CHOSEN}"
    with browsing(town.net.phone, tmp_path, trusting(town), rules, "--no-proxy-server", "--lang=en") as browser:
        assert json.loads(browser.load("https://good.example/1"))["at"] == GOOD
        assert json.loads(browser.load("http://good.example/2"))["at"] == GOOD
        assert json.loads(browser.load("https://mixed.example/3"))["at"] == GOOD
        assert "code" in browser.load(f"http://{BLOCKED}/")
        assert browser.load(f"https://{BLOCKED}/").startswith("net::ERR_")
        assert browser.asked == 0
    eventually(lambda: town.used(kind="web-used", login="", host="good.example", way="tls"))


def by_script(town: Town) -> tuple[str, ...]:
    """The options of a browser that a script sends to the proxy."""
    script = f'function FindProxyForURL(url, host) {{ return "HTTPS {DOMAIN}:3129"; }}'
    pac = f"data:application/x-ns-proxy-autoconfig;base64,{base64.b64encode(script.encode()).decode()}"
    rules = f"--host-resolver-rules=MAP {DOMAIN} {SERVER}, MAP * ~NOTFOUND"
    trust = trusting(town, town.settings.server.state / "proxy" / "tls" / "cert.pem")
    return trust, rules, f"--proxy-pac-url={pac}", "--lang=en"


def test_by_the_proxy_of_a_script(town, tmp_path):
    with browsing(town.net.phone, tmp_path, *by_script(town), password=(FRED, PASSWORD)) as browser:
        assert json.loads(browser.load("https://good.example/1"))["at"] == GOOD
        assert json.loads(browser.load("http://good.example/2"))["at"] == GOOD
        assert "code" in browser.load(f"http://{BLOCKED}/")
        assert browser.load(f"https://{BLOCKED}/") == "net::ERR_TUNNEL_CONNECTION_FAILED"
        assert browser.load("https://good.example:8443/") == "net::ERR_TUNNEL_CONNECTION_FAILED"
        assert browser.asked == 1
    eventually(lambda: town.used(kind="web-used", login=FRED, host="good.example", way="connect"))


@pytest.mark.parametrize(("login", "google", "youtube"), [(FRED, SAFE, STRICT), (MARIA, ENGINE, ENGINE)])
def test_search_is_made_safe_and_the_browser_sees_the_engine(town, tmp_path, login, google, youtube):
    with browsing(town.net.phone, tmp_path, *by_script(town), password=(login, PASSWORD)) as browser:
        for host, at in (("www.google.com", google), ("www.youtube.com", youtube)):
            told = json.loads(browser.load(f"https://{host}/search"))
            assert (told["at"], told["host"]) == (at, host)
            assert browser.evaluate("location.host") == host


def test_search_is_made_safe_on_the_wlan(town, tmp_path):
    rules = f"--host-resolver-rules=MAP * {CHOSEN}"
    with browsing(town.net.phone, tmp_path, trusting(town), rules, "--no-proxy-server") as browser:
        for host, at in (("www.google.com", SAFE), ("www.youtube.com", STRICT)):
            told = json.loads(browser.load(f"https://{host}/search"))
            assert (told["at"], told["host"]) == (at, host)


@pytest.mark.parametrize("way", ["proxy", "wlan"])
def test_the_page_is_shown_where_nobody_wrote_https(town, tmp_path, way):
    """Browsers try TLS first for a name of the internet, and HTTP when that is refused at once."""
    options = by_script(town)
    if way == "wlan":
        options = (trusting(town), f"--host-resolver-rules=MAP * {CHOSEN}", "--no-proxy-server", "--lang=en")
    with browsing(town.net.phone, tmp_path, *options, password=(FRED, PASSWORD)) as browser:
        shown = browser.load(f"http://{CLOSED}/")
        assert "This page is closed here" in shown
        assert "a category that is closed to you" in shown
        assert browser.load(f"https://{CLOSED}/").startswith("net::ERR_")


def test_the_page_fits_a_narrow_screen_and_is_in_the_language_of_the_browser(town, tmp_path):
    for language, words in (("de", "Diese Seite ist hier geschlossen"), ("en", "This page is closed here")):
        options = (*by_script(town), f"--accept-lang={language}")
        with browsing(town.net.phone, tmp_path / language, *options, password=(FRED, PASSWORD)) as browser:
            for dark, ground in ((False, "rgb(255, 255, 255)"), (True, "rgb(27, 27, 27)")):
                browser.screen(320, dark)
                assert words in browser.load(f"http://{BLOCKED}/")
                assert browser.evaluate("document.documentElement.lang") == language
                assert browser.evaluate("document.documentElement.scrollWidth") <= 320, "WCAG 1.4.10"
                assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == ground, "the style counts"
                assert browser.evaluate("document.compatMode") == "CSS1Compat"
                headings = browser.evaluate("[...document.querySelectorAll('h1, h2')].map(h => h.tagName).join()")
                assert headings == "H1,H2"
