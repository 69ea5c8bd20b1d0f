"""Mail from outside that would look as if somebody of the school had written it (K09), by its head or by its route."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator

import pytest

from tests.integration.mail.clients import connect
from tests.integration.mail.relay_matrix import DOMAIN, Place
from tests.integration.mail.relay_school import RelaySchool

STRANGER, TEACHER = "eltern@posteo.example", f"kurt.kunst@{DOMAIN}"
OURS = [
    "From: kurt.kunst@schule.example",
    "from:KURT.KUNST@SCHULE.EXAMPLE",
    "From: <kurt.kunst@schule.example.>",
    "From: kurt.kunst @ schule.example",
    "From: kurt.kunst@schule . example",
    "From: kurt.kunst@\r\n\tschule.example",
    "From: kurt.kunst@schule\r\n .example",
    "From: kurt.kunst@(x)schule.example",
    "From: kurt.kunst@schule(x).example",
    "From: kurt.kunst(x)@schule.example",
    'From: "kurt.kunst"@schule.example',
    "From: kurt.kunst@[schule.example]",
    "From: Schule: kurt.kunst@schule.example;",
    "From: eltern@posteo.example, kurt.kunst@schule.example",
    'From: "kurt.kunst@schule.example" <eltern@posteo.example>',
    'From: "kurt.kunst@schule\\.example" <eltern@posteo.example>',
    "From: kurt.kunst@schule.example (Kurt) <eltern@posteo.example>",
    "From: (kurt.kunst@schule.example) eltern@posteo.example",
    "From: =?utf-8?q?kurt.kunst=40schule.example?= <eltern@posteo.example>",
    "From: kurt.kunst=?utf-8?q?=40schule.example?= <eltern@posteo.example>",
    "From: =?utf-8?b?a3VydC5rdW5zdEA=?= =?utf-8?b?c2NodWxlLmV4YW1wbGU=?= <eltern@posteo.example>",
    'From: "=?utf-8?q?kurt.kunst=40schule.example?=" <eltern@posteo.example>',
    "From: kurt.kunst\uff20schule.example <eltern@posteo.example>",
    "From: kurt.kunst@schule\u3002example <eltern@posteo.example>",
    "From: kurt.kunst@schule\uff0eexample <eltern@posteo.example>",
    "From: kurt.kunst@schule\uff61example <eltern@posteo.example>",
    "From: kurt.kunst@schu\u00adle.example <eltern@posteo.example>",
    "From: kurt.kunst@schu\u200ble.example <eltern@posteo.example>",
    "From: kurt.kunst@\u202eschule.example <eltern@posteo.example>",
    "From: kurt.kunst@\u017fchule.example <eltern@posteo.example>",
    "From: kurt.kunst@schule\u034f.example <eltern@posteo.example>",
    "From: kurt.kunst@schule\u3164.example <eltern@posteo.example>",
    "From: kurt.kunst@schule\ufe0f.example <eltern@posteo.example>",
    "From: kurt.kunst@buero.schule.example",
    "From: eltern@posteo.example\r\nSender: kurt.kunst@schule.example",
    "From: eltern@posteo.example\r\nResent-From: kurt.kunst@schule.example",
    "From: eltern@posteo.example\r\nResent-Sender: kurt.kunst@schule.example",
]
BROKEN = [
    "From: eltern@posteo.example\r\nFrom: kurt.kunst@schule.example",
    "From : kurt.kunst@schule.example\r\nFrom: eltern@posteo.example",
    " From: kurt.kunst@schule.example\r\nFrom: eltern@posteo.example",
    "From: =?utf-8?q?x=0D=0AFrom:_kurt.kunst?= <eltern@posteo.example>",
    "From: eltern@posteo.example\x00kurt.kunst@schule.example",
    "From:",
    "Subject: no From",
]
UNREADABLE = [
    "From: =?utf-8?q?=FF?= =?utf-8?q?kurt.kunst=40schule.example?= <eltern@posteo.example>",
    "From: =?x-none?q?a?= =?utf-8?q?kurt.kunst=40schule.example?= <eltern@posteo.example>",
    "From: =?utf-8?b?a?= =?utf-8?q?kurt.kunst=40schule.example?= <eltern@posteo.example>",
    "From: =?utf-8*de?q?kurt.kunst=40schule.example?= <eltern@posteo.example>",
    "From: =?unicode-1-1-utf-8?q?kurt.kunst=40schule.example?= <eltern@posteo.example>",
]
"""What some programs decode and others do not, or in part: refused, whichever reason is found first."""
FINE = [
    "From: eltern@posteo.example",
    "From: Kurt Kunst <eltern@posteo.example>",
    "From: eltern@schule.example.posteo.example",
    "From: eltern@grundschule.example",
    "From: =?iso-8859-1?q?J=FCrgen_Gro=DF?= <eltern@posteo.example>",
    "From: eltern@posteo.example, vater@posteo.example\r\nSender: eltern@posteo.example",
    "From: eltern@posteo.example\r\nReply-To: vater@posteo.example",
    "From: eltern@posteo.example\r\nReply-To: kurt.kunst@schule.example",
    "From: eltern@posteo.example\r\nTo: kurt.kunst@schule.example\r\nCc: frida.lehrer@schule.example",
]


@pytest.fixture
def relay(relay_school: RelaySchool) -> Iterator[smtplib.SMTP]:
    with connect(relay_school, "smtp", Place.RELAY.value) as client:
        yield client


def handed_in(client: smtplib.SMTP, head: str, sender: str = STRANGER, recipient: str = TEACHER) -> str:
    client.docmd(f"MAIL FROM:<{sender}>")
    client.docmd(f"RCPT TO:<{recipient}>")
    code, text = client.data(f"{head}\r\nX-Mark: here\r\n\r\nHallo\r\n".encode())
    return f"{code} {text.decode()}"


@pytest.mark.parametrize("head", OURS, ids=ascii)
def test_who_seems_to_be_ours_is_refused(relay_school: RelaySchool, relay: smtplib.SMTP, head: str) -> None:
    before = relay_school.boxes("kurt.kunst")
    assert handed_in(relay, head).startswith("550 5.7.1 ")
    assert relay_school.boxes("kurt.kunst") == before


@pytest.mark.parametrize("head", BROKEN, ids=ascii)
def test_what_two_programs_would_read_differently_is_refused(
    relay_school: RelaySchool, relay: smtplib.SMTP, head: str
) -> None:
    before = relay_school.boxes("kurt.kunst")
    assert handed_in(relay, head).startswith("550 5.6.0 ")
    assert relay_school.boxes("kurt.kunst") == before


@pytest.mark.parametrize("head", UNREADABLE, ids=ascii)
def test_a_name_that_hides_behind_an_unreadable_word_is_refused(
    relay_school: RelaySchool, relay: smtplib.SMTP, head: str
) -> None:
    before = relay_school.boxes("kurt.kunst")
    assert handed_in(relay, head)[:10] in {"550 5.7.1 ", "550 5.6.0 "}
    assert relay_school.boxes("kurt.kunst") == before


@pytest.mark.parametrize("head", FINE, ids=ascii)
def test_everybody_else_may_write(relay_school: RelaySchool, relay: smtplib.SMTP, head: str) -> None:
    """As it came, below our own lines."""
    before = set(relay_school.boxes("kurt.kunst"))
    assert handed_in(relay, head).startswith("250 2.0.0 ")
    (path,) = set(relay_school.boxes("kurt.kunst")) - before
    assert f"\r\n{head}\r\nX-Mark: here\r\n".encode() in path.read_bytes()


def test_a_stranger_learns_of_nobody_who_is_there(relay: smtplib.SMTP) -> None:
    """Who is a pupil, which groups there are, who has no consent: one answer, word for word, as for nobody (K26)."""
    relay.docmd(f"MAIL FROM:<{STRANGER}>")
    names = ("niemand", "gina.musterfrau", "stefan.haus", "nora.ohne", "klasse3a", "kollegium", "schoolserver-probe")
    said = {re.sub(rb"[0-9A-Z]{4}-[0-9A-Z]{4}", b"", relay.rcpt(f"{name}@{DOMAIN}")[1]) for name in names}
    assert len(said) == 1
    assert said.pop().startswith(b"5.1.1 ")


def test_a_message_that_goes_round_is_stopped(relay: smtplib.SMTP) -> None:
    """RFC 5321 6.3: fifty hops are many, one more is a loop."""
    hop = "Received: from a.example by b.example; Sat, 21 Nov 2026 20:00:00 +0100\r\n"
    assert handed_in(relay, hop * 50 + f"From: {STRANGER}").startswith("250 2.0.0 ")
    assert handed_in(relay, hop * 51 + f"From: {STRANGER}").startswith("554 5.4.6 ")


def test_our_own_evidence_cannot_be_brought_along(relay_school: RelaySchool, relay: smtplib.SMTP) -> None:
    """The seal of delivery, what we found out about it, and to whom it went are ours to write."""
    before = set(relay_school.boxes("kurt.kunst"))
    forged = (
        f"X-School-Seal: forged\r\nReturn-Path: <ada.admin@{DOMAIN}>\r\nDelivered-To: ada.admin@{DOMAIN}\r\n"
        f"Authentication-Results: {DOMAIN}; dkim=pass\r\nFrom: {STRANGER}"
    )
    assert handed_in(relay, forged).startswith("250 2.0.0 ")
    (path,) = set(relay_school.boxes("kurt.kunst")) - before
    stored = path.read_bytes()
    assert stored.count(b"X-School-Seal:") == 1 and b"forged" not in stored
    assert stored.count(b"Return-Path:") == 1 and f"Return-Path: <{STRANGER}>".encode() in stored
    assert b"ada.admin" not in stored and b"dkim=pass" not in stored


def test_a_change_of_who_it_is_needs_a_new_message(relay_school: RelaySchool) -> None:
    """A relay's sender, then a teacher's sign-in, then a recipient outside would be an open relay in three steps."""
    with connect(relay_school, "smtp", Place.RELAY.value) as client:
        client.docmd(f"MAIL FROM:<{STRANGER}>")
        assert client.docmd("AUTH PLAIN AGEAYg==")[0] == 503
        assert client.docmd("RCPT TO:<vater@posteo.example>")[0] == 550
    with connect(relay_school, "smtp", Place.DEVICE.value, tls=False) as client:
        client.docmd(f"MAIL FROM:<kopierer@{DOMAIN}>")
        assert client.docmd(f"RCPT TO:<{TEACHER}>")[0] == 250
        client.starttls(context=relay_school.context)
        client.ehlo()
        assert client.docmd("DATA")[0] == 503, "what was said in clear is forgotten"


def test_nothing_comes_back_outside(relay_school: RelaySchool, relay: smtplib.SMTP) -> None:
    """No report to a stranger, whatever he asks for: his address may be somebody else's (backscatter)."""
    waited, recipient = relay_school.waiting(), f"karl.klein@{DOMAIN}"
    relay.docmd(f"MAIL FROM:<{STRANGER}> RET=FULL ENVID=x")
    relay.docmd(f"RCPT TO:<{TEACHER}> NOTIFY=SUCCESS,FAILURE")
    relay.docmd("RSET")
    relay.docmd(f"MAIL FROM:<{STRANGER}>")
    relay.docmd(f"RCPT TO:<{TEACHER}>")
    assert relay.docmd(f"RCPT TO:<{recipient}>")[0] == 250, "its size was not announced"
    before = relay_school.boxes("kurt.kunst")
    code, _ = relay.data(f"From: {STRANGER}\r\n\r\n".encode() + (b"x" * 70 + b"\r\n") * 400)
    assert code == 552, "all or nobody, told to who brings it"
    assert relay_school.boxes("kurt.kunst") == before
    assert relay_school.waiting() == waited
