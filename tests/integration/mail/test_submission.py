"""Transcripts of submission up to DATA: one per reply code, with the mail programs' own libraries."""

from __future__ import annotations

import smtplib
from base64 import b64encode

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import FRED, FRIDA, GINA, connect
from tests.integration.mail.school import School
from tests.integration.support_parts import LIMIT, PASSWORD


def test_greetings(school: School) -> None:
    with smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=20) as client:
        client.ehlo("pc12")
        assert client.esmtp_features.keys() >= {"starttls", "8bitmime", "smtputf8", "enhancedstatuscodes", "size"}
        assert "auth" not in client.esmtp_features
        # Of two megabytes for pupils and four for teachers the larger, in base64 lines, and the text beside it.
        assert 1.36 * 2 * LIMIT < int(client.esmtp_features["size"]) < 1.4 * 2 * LIMIT + 100_000
        assert client.docmd("AUTH PLAIN")[1][:7] == b"5.7.11 "
        for command in (f"MAIL FROM:<{FRED}>", f"RCPT TO:<{FRED}>", "DATA", "VRFY fred"):
            assert client.docmd(command)[0] == 530, command
        client.starttls(context=school.context)
        client.ehlo("pc12")
        assert client.esmtp_features["auth"].split() == ["LOGIN", "PLAIN"]
        assert "starttls" not in client.esmtp_features
        assert client.docmd("HELO", "pc12") == (250, b"schule.example")
        assert client.docmd("MAIL", f"FROM:<{FRED}>")[0] == 530


@pytest.mark.parametrize("login", ["fred.mustermann", "Fred.Mustermann", "FRED.mustermann@Schule.Example"])
@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_sign_in(school: School, login: str, mechanism: str) -> None:
    with connect(school) as client:
        client.user, client.password = login, PASSWORD
        auth = {"plain": client.auth_plain, "login": client.auth_login}[mechanism]
        code, text = client.auth(mechanism.upper(), auth)
        assert (code, text[:6]) == (235, b"2.7.0 ")
        assert client.docmd("AUTH PLAIN")[0] == 503


@pytest.mark.parametrize(
    ("response", "start"),
    [
        (b64encode(b"\0fred.mustermann\0wrong").decode(), "535 5.7.8"),
        (b64encode(b"\0nobody\0wrong").decode(), "535 5.7.8"),
        (b64encode(f"gina.musterfrau\0fred.mustermann\0{PASSWORD}".encode()).decode(), "535 5.7.8"),
        (b64encode(b"fred").decode(), "501 5.5.2"),
        (b64encode(b"\0fred\0\xff\xfe").decode(), "501 5.5.2"),
        ("!!!", "501 5.5.2"),
    ],
)
def test_a_refused_sign_in(school: School, response: str, start: str) -> None:
    with connect(school) as client:
        code, text = client.docmd("AUTH PLAIN", response)
        assert f"{code} {text.decode()}".startswith(start)
        assert client.docmd("MAIL", f"FROM:<{FRED}>")[0] == 530
        assert client.docmd("AUTH", "CRAM-MD5")[0] == 504
        assert client.docmd("AUTH", "LOGIN")[0] == 334
        assert client.docmd("*")[0] == 501


@pytest.mark.parametrize(
    ("sender", "start"),
    [
        (GINA, "550 5.7.1"),
        ("fred.mustermann@elsewhere.example", "550 5.7.1"),
        ("", "550 5.7.1"),
        ("fred mustermann@schule.example", "5"),
    ],
)
def test_a_foreign_sender_of_the_envelope(client: smtplib.SMTP, sender: str, start: str) -> None:
    code, text = client.docmd(f"MAIL FROM:<{sender}>")
    assert f"{code} {text.decode()}".startswith(start)
    if start != "5":
        assert text.decode().endswith(")") and "(code " in text.decode()


@pytest.mark.parametrize(
    ("recipient", "start"),
    [
        ("somebody@elsewhere.example", "550 5.7.1"),
        ("nobody@schule.example", "550 5.1.1"),
        ("schoolserver-probe@schule.example", "550 5.1.1"),
        ("postmaster", "250 2.1.5"),
        ("postmaster@schule.example", "250 2.1.5"),
        ("ADA.ADMIN@SCHULE.EXAMPLE", "250 2.1.5"),
    ],
)
def test_recipients(client: smtplib.SMTP, recipient: str, start: str) -> None:
    client.mail(FRED)
    code, text = client.docmd(f"RCPT TO:<{recipient}>")
    assert f"{code} {text.decode()}".startswith(start)


def test_who_tries_many_recipients_in_vain_is_sent_away(client: smtplib.SMTP) -> None:
    client.mail(FRED)
    replies = [client.docmd(f"RCPT TO:<nobody{number}@schule.example>") for number in range(51)]
    assert [code for code, _ in replies] == [550] * 50 + [421]
    assert replies[-1][1].startswith(b"4.7.0 ")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"MAIL FROM:<{FRED}> SIZE=\u00b2", 501),
        (f"MAIL FROM:<{FRED}> SIZE=5 SIZE=\u0665", 501),
        (f"MAIL FROM:<{FRED}> SIZE={'9' * 30}", 501),
        ("MAIL FROM:<", 553),
        ('MAIL FROM:<"', 553),
        ("MAIL FROM:<@", 553),
        ("MAIL FROM:<a@[>", 550),
        ("VRFY <", 502),
        ("VRFY \u00fc", 252),
        ("STARTTLS", 503),
    ],
)
def test_odd_commands_get_a_reply_and_leave_no_error(
    school: School, client: smtplib.SMTP, command: str, code: int
) -> None:
    before = school.log.read_text()
    client.sock.sendall(f"{command}\r\n".encode())
    found, text = client.getreply()
    assert found == code and text[:2] == (b"2." if code == 252 else b"5.")
    assert client.noop()[0] == 250
    assert "error" not in school.log.read_text().removeprefix(before)


def test_a_recipient_without_mail(school: School, client: smtplib.SMTP) -> None:
    school.publish(gina__musterfrau={"consents": frozenset()})

    def answer() -> tuple[int, bytes]:
        client.rset()
        client.mail(FRED)
        return client.rcpt(GINA)

    eventually(lambda: answer()[0] == 550)
    assert answer()[1].startswith(b"5.2.1 ")


def test_too_many_recipients(client: smtplib.SMTP) -> None:
    client.mail(FRED)
    for _ in range(4):
        assert client.rcpt(FRIDA)[0] == 250
    assert client.rcpt(GINA)[0] == 452
    assert client.rcpt(GINA)[1].startswith(b"4.5.3 ")


def test_long_command_lines(school: School) -> None:
    with connect(school) as client:
        assert client.docmd("NOOP " + "x" * 600)[0] == 500
        assert client.noop()[0] == 250


def test_unknown_commands(school: School) -> None:
    with connect(school) as client:
        assert client.docmd("EXPN", "x") == (502, b"5.5.1 EXPN not implemented")
        code, text = client.docmd("XYZZY")
        assert (code, text[:6]) == (500, b"5.5.2 ")
