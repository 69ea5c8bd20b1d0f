"""Transcripts of submission: one per reply code, with the mail programs' own libraries."""

from __future__ import annotations

import contextlib
import select
import smtplib
import socket
import ssl
import struct
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.header import Header
from email.message import EmailMessage

import pytest

from appliance.policy.account import Lock, Service
from tests.integration.mail.school import LIMIT, PASSWORD, School, wait_for

FRED, FRIDA, GINA = (f"{name}@schule.example" for name in ("fred.mustermann", "frida.lehrer", "gina.musterfrau"))


def connect(school: School) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", school.ports["submission"], local_hostname="pc12.schule.example", timeout=20)
    client.starttls(context=school.context)
    client.ehlo()
    return client


@pytest.fixture
def client(school: School) -> Iterator[smtplib.SMTP]:
    with connect(school) as client:
        client.login("fred.mustermann", PASSWORD)
        yield client


def message(sender: str = FRED, subject: str = "Hausaufgaben", size: int = 0) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = f"Fred Mustermann <{sender}>", FRIDA, subject
    made.set_content("Guten Tag,\n.ein Punkt am Anfang\n..zwei\n" + "x" * 70 + "\n" * (size // 71))
    return made


def refused(client: smtplib.SMTP, made: bytes | EmailMessage, sender: str = FRED, to: str = FRIDA) -> str:
    data = made if isinstance(made, bytes) else made.as_bytes(policy=policy.SMTP)
    assert client.mail(sender)[0] == 250
    assert client.rcpt(to)[0] == 250
    code, text = client.data(data)
    return f"{code} {text.decode('ascii')}"


def test_a_pupils_mail_to_a_teacher_lands_in_a_maildir(school: School, client: smtplib.SMTP) -> None:
    before = school.boxes("frida.lehrer")
    client.send_message(message(subject="Grüße"), FRED, [FRIDA, "FRED.Mustermann@Schule.example"])
    (path,) = set(school.boxes("frida.lehrer")) - set(before)
    raw = path.read_bytes()
    assert path.name.endswith(f",S={len(raw)},W={len(raw)}")
    stored = message_from_bytes(raw, policy=policy.default)
    assert stored["Subject"] == "Grüße"
    assert stored["Return-Path"] == f"<{FRED}>"
    assert "\n.ein Punkt am Anfang\n..zwei\n" in stored.get_content().replace("\r\n", "\n")
    assert stored["Date"] and stored["Message-ID"]
    assert "127.0.0.1" not in raw.decode() and "pc12" not in raw.decode()
    assert path.stat().st_nlink == 2


def test_greetings(school: School) -> None:
    with smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=20) as client:
        client.ehlo("pc12")
        assert client.esmtp_features.keys() >= {"starttls", "8bitmime", "smtputf8", "enhancedstatuscodes", "size"}
        assert "auth" not in client.esmtp_features
        # Of two megabytes for pupils and four for teachers the larger, in base64 lines, and the text beside it.
        assert 1.36 * 2 * LIMIT < int(client.esmtp_features["size"]) < 1.4 * 2 * LIMIT + 100_000
        for command in ("AUTH PLAIN", f"MAIL FROM:<{FRED}>", "HELO pc12", "VRFY fred"):
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

    wait_for(lambda: answer()[0] == 550)
    assert answer()[1].startswith(b"5.2.1 ")


def test_too_many_recipients(client: smtplib.SMTP) -> None:
    client.mail(FRED)
    for _ in range(4):
        assert client.rcpt(FRIDA)[0] == 250
    assert client.rcpt(GINA)[0] == 452
    assert client.rcpt(GINA)[1].startswith(b"4.5.3 ")


@pytest.mark.parametrize(
    ("head", "start"),
    [
        (f"From: {GINA}\r\n", "550 5.7.1"),
        (f"From: {FRED}\r\nReply-To: {GINA}\r\n", "550 5.7.1"),
        (f"From: {FRED}\r\nSender: {GINA}\r\n", "550 5.7.1"),
        (f"From: {FRED}\r\nFrom: {GINA}\r\n", "550 5.6.0"),
        (f"From: {FRED}, {GINA}\r\n", "550 5.6.0"),
        ("Subject: no sender\r\n", "550 5.6.0"),
        (f"From: {FRED}\r\nno field\r\n", "550 5.6.0"),
        (f"From: {FRED}\r\nX: {'x' * 2000}\r\n", "550 5.6.0"),
        (f"From: {FRED}\r\nSubject: \x1b[2Jx\r\n", "550 5.6.0"),
        (f"From: {FRED}\r\nSubject: \x9b2Jx\r\n", "550 5.6.0"),
        (f"From: {FRED}\r\nSubject: =?utf-8?q?=0D=0ABcc:_x?=\r\n", "550 5.6.0"),
        (f"From: {FRED}\r\nReply-To: {'a' * 3000}\r\n".replace("a" * 900, "a" * 900 + "\r\n "), "550 5.6.0"),
    ],
)
def test_a_refused_head_leaves_nothing(school: School, client: smtplib.SMTP, head: str, start: str) -> None:
    before = school.boxes("frida.lehrer")
    assert refused(client, f"{head}\r\nbody\r\n".encode()).startswith(start)
    assert school.boxes("frida.lehrer") == before
    assert list((school.settings.server.data / "mail" / "frida.lehrer" / "tmp").iterdir()) == []
    client.send_message(message(), FRED, [FRIDA])


def stored(school: School, client: smtplib.SMTP, head: str) -> bytes:
    """Send a message with ``head`` and give what lies in the mailbox, without our first lines."""
    before = school.boxes("frida.lehrer")
    client.sendmail(FRED, [FRIDA], f"{head}Date: x\r\nMessage-ID: <y>\r\n\r\nbody\r\n".encode(), ["SMTPUTF8"])
    (path,) = set(school.boxes("frida.lehrer")) - set(before)
    ours, theirs = path.read_bytes().split(b"\r\n\t", 1)
    assert ours.startswith(f"Return-Path: <{FRED}>\r\nReceived: by schule.example ".encode())
    return theirs.partition(b"\r\n")[2]


def test_the_roster_names_the_sender(school: School, client: smtplib.SMTP) -> None:
    shown = f"Fred Mustermann <{FRED}>"
    to = f"To: Chef <{FRIDA}>\r\n"
    head = f'From: "Die Schulleitung" <{FRED}>\r\nSender: Rektorat <{FRED}>\r\nReply-To: {FRED}\r\n{to}'
    kept = stored(school, client, head)
    assert kept.startswith(f"From: {shown}\r\nSender: {shown}\r\nReply-To: {shown}\r\n{to}".encode())
    school.publish(fred__mustermann={"display_name": "Jürgen Groß"})
    encoded = f"From: {Header('Jürgen Groß', 'utf-8').encode()} <{FRED}>\r\n".encode()
    wait_for(lambda: stored(school, client, f"From: Fred <{FRED}>\r\n").startswith(encoded))
    school.publish()
    wait_for(lambda: stored(school, client, f"From: Fred <{FRED}>\r\n").startswith(f"From: {shown}".encode()))


def test_foreign_evidence_and_blind_copies_are_not_stored(school: School, client: smtplib.SMTP) -> None:
    forged = [
        "Return-Path",
        "Received",
        "Authentication-Results",
        "Delivered-To",
        "X-Original-To",
        "X-Sender",
        "Received-SPF",
        "Bcc",
    ]
    head = "".join(f"{name}: {GINA}\r\n" for name in forged)
    kept = stored(school, client, f"{head}From: {FRED}\r\nDKIM-Signature: v=1;\r\n b=c\r\nSubject: Grüße\r\n")
    assert (
        kept
        == (
            f"From: Fred Mustermann <{FRED}>\r\nDKIM-Signature: v=1;\r\n b=c\r\nSubject: Grüße\r\n"
            "Date: x\r\nMessage-ID: <y>\r\n\r\nbody\r\n"
        ).encode()
    )


def test_too_large(school: School, client: smtplib.SMTP) -> None:
    before = school.boxes("frida.lehrer")
    largest = int(client.esmtp_features["size"])
    code, text = client.docmd(f"MAIL FROM:<{FRED}> SIZE={largest}")
    assert code == 552 and text.startswith(b"5.3.4 "), "announced: that of teachers, allowed: that of a pupil"
    code, text = client.docmd(f"MAIL FROM:<{FRED}> SIZE={largest * 10}")
    assert code == 552 and b"(code " in text, "by our limits and by no other"
    made = b"From: " + FRED.encode() + b"\r\n\r\n" + (b"x" * 70 + b"\r\n") * (LIMIT * 3 // 2 // 72)
    assert refused(client, made).startswith("552 5.3.4 ")
    assert school.boxes("frida.lehrer") == before
    assert list((school.settings.server.data / "mail" / "frida.lehrer" / "tmp").iterdir()) == []


def test_a_message_as_large_as_allowed(school: School, client: smtplib.SMTP) -> None:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = FRED, FRIDA, "an attachment"
    made.set_content("See there.")
    made.add_attachment(bytes(LIMIT), maintype="application", subtype="octet-stream", filename="a.bin")
    before = school.boxes("frida.lehrer")
    client.send_message(made)
    (path,) = set(school.boxes("frida.lehrer")) - set(before)
    (attachment,) = message_from_bytes(path.read_bytes(), policy=policy.default).iter_attachments()
    assert attachment.get_content() == bytes(LIMIT)


def test_a_locked_account_loses_its_open_session_within_two_seconds(school: School, client: smtplib.SMTP) -> None:
    client.sock.settimeout(2.0)
    school.publish(fred__mustermann={"locks": (Lock(Service.MAIL, datetime.now(UTC), None),)})
    code, text = client.getreply()
    assert code == 421 and text.startswith(b"4.7.0 ") and b"(code " in text
    with connect(school) as again, pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        again.login("fred.mustermann", PASSWORD)
    assert caught.value.smtp_error.startswith(b"5.7.13 ")


@pytest.mark.parametrize("change", ["must_change", "password"])
def test_a_changed_password_ends_the_open_session(school: School, client: smtplib.SMTP, change: str) -> None:
    client.sock.settimeout(2.0)
    stamp = {"password_changed_at": datetime.now(UTC) + timedelta(seconds=1)}
    school.publish(fred__mustermann={"must_change": True} if change == "must_change" else stamp)
    assert client.getreply()[0] == 421
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()


def test_an_idle_client_is_told_and_closed(school: School, client: smtplib.SMTP) -> None:
    client.sock.settimeout(10.0)
    code, text = client.getreply()
    assert (code, text[:6]) == (421, b"4.4.2 ")


def test_connections_from_one_address_are_limited(school: School) -> None:
    lines = [socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) for _ in range(13)]
    try:
        greetings = [line.recv(200)[:4] for line in lines]
        assert greetings == [b"220 "] * 12 + [b"421 "]
    finally:
        for line in lines:
            line.close()
    wait_for(lambda: _greeting(school) == b"220 ")


def test_idle_strangers_give_way(school: School) -> None:
    """From another address than the loopback's: six find room, the one that signed in and the newest five."""
    own = _own_address()
    signed_in = smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=20, source_address=(own, 0))
    signed_in.starttls(context=school.context)
    signed_in.login("fred.mustermann", PASSWORD)
    address = ("127.0.0.1", school.ports["submission"])
    lines = [socket.create_connection(address, 10, source_address=(own, 0)) for _ in range(7)]
    try:
        replies = [line.makefile("rb") for line in lines]
        assert [reply.readline()[:4] for reply in replies] == [b"220 "] * 7
        assert [reply.readline()[:9] for reply in replies[:2]] == [b"421 4.7.0"] * 2
        assert _greeting(school) == b"220 ", "the probe needs nobody's room"
        assert signed_in.noop()[0] == 250
        lines[-1].sendall(b"NOOP\r\n")
        assert replies[-1].readline()[:4] == b"250 "
    finally:
        for line in lines:
            line.close()
        signed_in.close()


def _own_address() -> str:
    """Give an address of this machine that is not the loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        try:
            line.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        return str(line.getsockname()[0])


def test_a_stranger_has_a_short_time_whatever_he_says(school: School) -> None:
    with smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=10) as client:
        client.ehlo()
        replies = []
        begun = time.monotonic()
        while not replies or replies[-1][0] == 250:
            assert time.monotonic() - begun < 8
            select.select([client.sock], [], [], 0.2)
            replies.append(client.ehlo())
        assert replies[-1][0] == 421 and replies[-1][1].startswith(b"4.4.2 ")


def _greeting(school: School) -> bytes:
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        return line.recv(200)[:4]


def test_attempts_to_sign_in_are_limited(school: School) -> None:
    with connect(school) as client:
        wrong = b64encode(b"fred").decode()
        replies = [client.docmd("AUTH PLAIN", wrong)[0] for _ in range(6)]
    assert replies == [501] * 5 + [421]


# Smuggling.


def raw(school: School) -> ssl.SSLSocket:
    client = connect(school)
    client.login("fred.mustermann", PASSWORD)
    assert isinstance(client.sock, ssl.SSLSocket)
    client.mail(FRED)
    client.rcpt(FRIDA)
    client.docmd("DATA")
    return client.sock


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"])
def test_no_other_end_of_data_is_believed(school: School, end: bytes) -> None:
    before = school.boxes("frida.lehrer")
    head = b"From: " + FRED.encode() + b"\r\n\r\n"
    with raw(school) as line:
        smuggled = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n%sx\r\n.\r\n" % (FRED.encode(), FRIDA.encode(), head)
        line.sendall(head + b"hello" + end + smuggled)
        assert line.recv(1000).startswith(b"550 5.6.0 ")
        line.sendall(b"NOOP\r\n")
        assert line.recv(1000).startswith(b"250 "), "one message, one reply"
    assert school.boxes("frida.lehrer") == before


@pytest.mark.parametrize("command", [b"NOOP\n", b"NOOP\rNOOP\r\n", b"NOOP\n\r\n"])
def test_a_command_line_ends_with_crlf_only(school: School, command: bytes) -> None:
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        line.recv(200)
        line.sendall(command)
        assert line.recv(200).startswith(b"421 ")
        assert line.recv(200) == b""


def test_nothing_sent_before_tls_is_carried_into_it(school: School) -> None:
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        line.recv(200)
        line.sendall(b"STARTTLS\r\nEHLO injected\r\nNOOP\r\n")
        assert line.recv(200).startswith(b"220 ")
        context = school.context
        context.check_hostname = False
        try:
            with context.wrap_socket(line) as safe:
                safe.settimeout(0.5)
                with pytest.raises((TimeoutError, ssl.SSLError)):
                    assert safe.recv(200) == b"no reply to what came before"
        except (ssl.SSLError, ConnectionError):
            pass  # the injected bytes broke the handshake, which is as good


@pytest.mark.parametrize("way", ["garbage", "half", "reset", "distrust", "plain"])
def test_a_failed_handshake_is_no_error_of_ours(school: School, way: str) -> None:
    before = school.log.read_text()
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        line.recv(200)
        line.sendall(b"STARTTLS\r\n")
        assert line.recv(200).startswith(b"220 ")
        if way == "distrust":
            with pytest.raises(ssl.SSLCertVerificationError):
                ssl.create_default_context().wrap_socket(line, server_hostname="localhost")
        elif way == "reset":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.sendall(b"\x16\x03\x01")
        else:
            line.sendall({"garbage": b"\0" * 999, "half": b"\x16\x03\x01\x02", "plain": b"EHLO x\r\n"}[way])
            if way == "half":
                line.shutdown(socket.SHUT_WR)
            while line.recv(200):
                pass
    assert _greeting(school) == b"220 "
    assert "error" not in school.log.read_text().removeprefix(before)


def test_long_command_lines(school: School) -> None:
    with connect(school) as client:
        assert client.docmd("NOOP " + "x" * 600)[0] == 500
        assert client.noop()[0] == 250


def test_who_sends_a_line_without_end_reads_the_reply(school: School) -> None:
    for _ in range(8):  # closing too early loses it in some of the cases only
        with contextlib.closing(connect(school)) as client:
            assert client.docmd("NOOP " + "x" * 100_000)[0] == 421


def test_unknown_commands(school: School) -> None:
    with connect(school) as client:
        assert client.docmd("EXPN", "x") == (502, b"5.5.1 EXPN not implemented")
        code, text = client.docmd("XYZZY")
        assert (code, text[:6]) == (500, b"5.5.2 ")


def test_a_client_that_leaves_in_the_middle_leaves_nothing(school: School) -> None:
    before = school.boxes("frida.lehrer")
    with raw(school) as line:
        line.sendall(b"From: " + FRED.encode() + b"\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20_000)
    tmp = school.settings.server.data / "mail" / "frida.lehrer" / "tmp"
    wait_for(lambda: list(tmp.iterdir()) == [])
    assert school.boxes("frida.lehrer") == before
