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
from tests.integration.ways.town import BLOCKED, CHOSEN, FRED, GOOD, SERVER, Town, eventually

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium")


def key_of(certificate: Path) -> str:
    """The hash of its key, by which Chromium is told to trust this certificate and no other."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


def trusting(town: Town, *more: Path) -> str:
    certificates = (town.folder / "site" / "cert.pem", *more)
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


def test_by_the_proxy_of_a_script(town, tmp_path):
    script = f'function FindProxyForURL(url, host) {{ return "HTTPS {DOMAIN}:3129"; }}'
    pac = f"data:application/x-ns-proxy-autoconfig;base64,{base64.b64encode(script.encode()).decode()}"
    rules = f"--host-resolver-rules=MAP {DOMAIN} {SERVER}, MAP * ~NOTFOUND"
    trust = trusting(town, town.settings.server.state / "proxy" / "tls" / "cert.pem")
    options = (trust, rules, f"--proxy-pac-url={pac}", "--lang=en")
    with browsing(town.net.phone, tmp_path, *options, password=(FRED, PASSWORD)) as browser:
        assert json.loads(browser.load("https://good.example/1"))["at"] == GOOD
        assert json.loads(browser.load("http://good.example/2"))["at"] == GOOD
        assert "code" in browser.load(f"http://{BLOCKED}/")
        assert browser.load(f"https://{BLOCKED}/") == "net::ERR_TUNNEL_CONNECTION_FAILED"
        assert browser.load("https://good.example:8443/") == "net::ERR_TUNNEL_CONNECTION_FAILED"
        assert browser.asked == 1
    eventually(lambda: town.used(kind="web-used", login=FRED, host="good.example", way="connect"))
