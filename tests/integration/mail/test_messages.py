"""What becomes of a message: its head, who stands in it as the sender, its size."""

from __future__ import annotations

import smtplib
from email import message_from_bytes, policy
from email.header import Header
from email.message import EmailMessage

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import FRED, FRIDA, GINA
from tests.integration.mail.school import School
from tests.integration.support_parts import LIMIT


def message(subject: str = "Hausaufgaben") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = f"Fred Mustermann <{FRED}>", FRIDA, subject
    made.set_content("Guten Tag,\n.ein Punkt am Anfang\n..zwei\n" + "x" * 70)
    return made


def refused(client: smtplib.SMTP, made: bytes) -> str:
    assert client.mail(FRED)[0] == 250
    assert client.rcpt(FRIDA)[0] == 250
    code, text = client.data(made)
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
    mark, _, ours = ours.partition(b"\r\n")
    assert mark.startswith(b"X-School-Seal: 1 ")
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
    eventually(lambda: stored(school, client, f"From: Fred <{FRED}>\r\n").startswith(encoded))
    school.publish()
    eventually(lambda: stored(school, client, f"From: Fred <{FRED}>\r\n").startswith(f"From: {shown}".encode()))


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
    kept = stored(school, client, f"{head}From: {FRED}\r\nAutocrypt: addr=x;\r\n b=c\r\nSubject: Grüße\r\n")
    assert (
        kept
        == (
            f"From: Fred Mustermann <{FRED}>\r\nAutocrypt: addr=x;\r\n b=c\r\nSubject: Grüße\r\n"
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
