"""Which question gets which answer, over HTTP in clear and over TLS."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.autoconfig.facts import Facts
from appliance.autoconfig.response import Response
from appliance.autoconfig.routes import Asked, Routes
from appliance.daemon.http_head import request_head
from tests.unit.autoconfig.support import DOMAIN, FACTS

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
OWN = replace(FACTS, authority=None)
OUTLOOK = "/autodiscover/autodiscover.xml"
FILE = "/mail/config-v1.1.xml"
IN_A_FIELD = st.characters(min_codepoint=0x20, max_codepoint=0xFF, blacklist_characters="\x7f")


def ask(target: str, method: str = "GET", *, encrypted: bool = True, facts: Facts = FACTS, **fields: str) -> Response:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in ({"host": ""} | fields).items())]
    head = request_head("\r\n".join([*lines, "", ""]).encode("latin-1"))
    return Routes(facts, lambda content: b"SIGNED" + content, "de").answer(Asked(head, b"", encrypted, NOW))


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/", "GET", 200),
        ("/", "HEAD", 200),
        ("/", "POST", 405),
        ("/?lang=en", "GET", 200),
        ("/ca.crt", "GET", 200),
        ("/mail.mobileconfig", "GET", 200),
        (f"/mail.mobileconfig?emailaddress=fred%40{DOMAIN}", "GET", 200),
        ("/mail.mobileconfig?emailaddress=fred", "GET", 200),
        ("/mail.mobileconfig?emailaddress=fred%40elsewhere.example", "GET", 400),
        ("/mail.mobileconfig?emailaddress=%3Cscript%3E", "GET", 400),
        (FILE, "GET", 200),
        (FILE, "DELETE", 405),
        (f"https://autoconfig.{DOMAIN}{FILE}", "GET", 200),
        ("/.well-known/autoconfig/mail/config-v1.1.xml", "GET", 200),
        ("/wpad.dat", "GET", 200),
        ("/proxy.pac?x=1", "HEAD", 200),
        ("/proxy.pac", "POST", 405),
        (OUTLOOK, "POST", 200),
        ("/Autodiscover/AutoDiscover.XML", "POST", 200),
        ("/autodiscover/autodiscover.json", "GET", 404),
        ("/../etc/passwd", "GET", 404),
        ("//[", "GET", 400),
        ("/?" + "&".join(f"a{number}=b" for number in range(9)), "GET", 400),
        ("*", "OPTIONS", 404),
    ],
)
def test_over_tls(target: str, method: str, status: int) -> None:
    assert ask(target, method).status == status


@pytest.mark.parametrize(
    ("target", "facts", "status"),
    [
        (FILE, FACTS, 200),
        (FILE, OWN, 200),
        ("/wpad.dat", OWN, 200),
        ("/proxy.pac", FACTS, 200),
        ("/", FACTS, 200),
        ("/", OWN, 302),
        ("/ca.crt", FACTS, 200),
        ("/ca.crt", OWN, 302),
        ("/mail.mobileconfig", FACTS, 302),
        (OUTLOOK, FACTS, 302),
        ("/nothing", FACTS, 404),
    ],
)
def test_in_clear_only_what_nobody_could_get_otherwise(target: str, facts: Facts, status: int) -> None:
    found = ask(target, encrypted=False, facts=facts)
    assert found.status == status
    if status == 302:
        assert found.more["Location"] == f"https://autoconfig.{DOMAIN}{target}"


def test_in_clear_nobody_is_asked_for_his_address() -> None:
    assert b"emailaddress" not in ask("/", encrypted=False).body
    assert b"emailaddress" in ask("/").body
    said = ask(f"/mail.mobileconfig?emailaddress=fred%40{DOMAIN}", encrypted=False)
    assert "fred" not in str(said), "nor sent on with it"


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (f"autodiscover.{DOMAIN}", f"https://autodiscover.{DOMAIN}"),
        (f"AutoDiscover.{DOMAIN}:80", f"https://autodiscover.{DOMAIN}"),
        (DOMAIN, f"https://{DOMAIN}"),
        ("evil.example", f"https://autoconfig.{DOMAIN}"),
        ("[::1]:80", f"https://autoconfig.{DOMAIN}"),
        ("", f"https://autoconfig.{DOMAIN}"),
    ],
)
def test_who_is_sent_on_stays_with_the_name_that_he_asked_for_if_it_is_ours(host: str, told: str) -> None:
    assert ask(OUTLOOK, encrypted=False, host=host).more["Location"] == f"{told}{OUTLOOK}"


def test_the_certificate_is_there_where_it_is_needed() -> None:
    assert ask("/ca.crt").body == FACTS.authority
    assert ask("/ca.crt", facts=OWN).status == 404
    assert b"/ca.crt" not in ask("/", facts=OWN).body


@pytest.mark.parametrize("path", ["/wpad.dat", "/proxy.pac"])
def test_browsers_get_their_script_and_keep_it_for_minutes(path: str) -> None:
    found = ask(path, encrypted=False)
    assert (found.kind, found.body) == ("application/x-ns-proxy-autoconfig", FACTS.script.encode())
    assert b"\r\nCache-Control: max-age=300\r\n" in found.written(NOW) and b"no-store" not in found.written(NOW)
    assert ask(path, facts=replace(FACTS, script=None)).status == 404, "no proxy, no script that names one"


def test_a_profile_is_signed_and_a_file_to_keep() -> None:
    found = ask("/mail.mobileconfig?emailaddress=fred")
    assert found.body.startswith(b"SIGNED<?xml")
    assert found.kind == "application/x-apple-aspen-config"
    assert found.more["Content-Disposition"] == 'attachment; filename="mail.mobileconfig"'


@pytest.mark.parametrize(
    ("target", "wanted", "told"),
    [("/", "en", "en"), ("/", "", "de"), ("/?lang=de", "en", "de"), ("/?lang=xx", "en", "en")],
)
def test_language(target: str, wanted: str, told: str) -> None:
    fields = {"accept-language": wanted} if wanted else {}
    assert ask(target, **fields).more["Content-Language"] == told


def test_an_answer_on_the_wire() -> None:
    whole = ask("/ca.crt").written(NOW)
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK" and body == FACTS.authority
    assert {"Date: Tue, 01 Sep 2026 08:00:00 GMT", f"Content-Length: {len(body)}", "Connection: close"} <= set(lines)
    assert "X-Content-Type-Options: nosniff" in lines and "Cache-Control: no-store" in lines
    assert ask("/ca.crt").written(NOW, bodiless=True) == head + b"\r\n\r\n"


@settings(max_examples=100, deadline=None)
@given(
    target=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=80),
    host=st.text(IN_A_FIELD, max_size=30),
    language=st.text(IN_A_FIELD, max_size=30),
    encrypted=st.booleans(),
)
def test_whatever_is_asked_is_answered(target: str, host: str, language: str, encrypted: bool) -> None:
    found = ask(target, encrypted=encrypted, host=host, **{"accept-language": language})
    found.written(NOW)
    assert "\r" not in "".join(found.more.values()) and "\n" not in "".join(found.more.values())
