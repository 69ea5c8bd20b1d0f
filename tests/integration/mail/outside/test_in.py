"""Mail from outside comes in through a real Postfix, for those whose role gets it, looked through before (K08, K10)."""

import contextlib
import getpass
import smtplib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import connect
from tests.integration.mail.outside.postfix import RELAY, running_postfix, there
from tests.integration.mail.outside.scanners import HARMFUL, missing, running_clamd, running_filter
from tests.integration.mail.outside.school import SENDER, OutsideSchool, outside_school
from tests.integration.support_parts import short_folder

MAMA = "mama@home.example"
HEAD = f"From: Mama <{MAMA}>\r\nTo: {SENDER}\r\nSubject: %s\r\nReceived: from pc by mx.home.example; x\r\n\r\n"


@pytest.fixture(scope="module")
def scanned() -> Iterator[OutsideSchool]:
    """A school with a virus scanner and a filter."""
    if missing():
        pytest.skip(f"not installed: {missing()}")
    with contextlib.ExitStack() as stack:
        one, _ = stack.enter_context(short_folder())
        other, _ = stack.enter_context(short_folder())
        clamd = stack.enter_context(running_clamd(one, getpass.getuser()))
        milter = stack.enter_context(running_filter(other))
        yield stack.enter_context(outside_school(more=f"clamd: {clamd}\n  milter: {milter}"))


@pytest.fixture
def school(scanned: OutsideSchool) -> Iterator[OutsideSchool]:
    yield scanned
    for path in scanned.boxes("frida.lehrer"):
        path.unlink()


def hand_in(school: OutsideSchool, message: bytes, sender: str = MAMA, to: str = SENDER) -> str:
    """Bring a message as the relay does; gives the reply to what was refused, or to the message."""
    with connect(school, "smtp", RELAY) as relay:
        for step in (lambda: relay.mail(sender), lambda: relay.rcpt(to), lambda: relay.data(message)):
            code, text = step()
            if code >= 400:
                break
        return f"{code} {text.decode()}"


def got(school: OutsideSchool) -> Message:
    (path,) = school.boxes("frida.lehrer")
    return message_from_bytes(path.read_bytes())


def test_an_answer_of_parents_arrives_and_says_where_it_came_from(school: OutsideSchool) -> None:
    assert hand_in(school, (HEAD % "Re: Ausflug").encode() + b"Ja!\r\n").startswith("250 2.0.0")
    message = got(school)
    assert message["From"] == f"Mama <{MAMA}>" and message["Return-Path"] == f"<{MAMA}>"
    assert len(message.get_all("Received", [])) == 2 and message.get_payload() == "Ja!\r\n"


@pytest.mark.parametrize(
    ("subject", "body", "code"),
    [
        ("hello", HARMFUL, "550 5.7.1"),
        ("reject", b"", "550 5.7.1"),
        ("discard", b"", "550 5.7.1"),
        ("later", b"", "451 4.7.1"),
        ("accept", b"", "250 2.0.0"),
    ],
)
def test_it_is_looked_through_before(school: OutsideSchool, subject: str, body: bytes, code: str) -> None:
    assert hand_in(school, (HEAD % subject).encode() + body + b"\r\n").startswith(code)
    assert len(school.boxes("frida.lehrer")) == code.startswith("2")


def test_inside_nothing_is_looked_through_unless_wanted(school: OutsideSchool) -> None:
    school.send(SENDER, text=b"Subject: reject\r\n\r\n" + HARMFUL + b"\r\n")
    assert len(school.boxes("frida.lehrer")) == 1


@pytest.mark.parametrize(
    ("sender", "to", "head", "code"),
    [
        (MAMA, "fred.mustermann@schule.example", HEAD, "550 5.1.1"),
        (MAMA, "nobody@schule.example", HEAD, "550 5.1.1"),
        (MAMA, "papa@home.example", HEAD, "550 5.7.1"),
        ("ada.admin@schule.example", SENDER, HEAD, "550 5.7.1"),
        (MAMA, SENDER, HEAD.replace(MAMA, "ada.admin@schule.example"), "550 5.7.1"),
        (MAMA, SENDER, HEAD.replace("Mama", '"ada.admin@schule.example"'), "550 5.7.1"),
        (MAMA, SENDER, HEAD.replace("Mama", "=?utf-8?b?YWRhLmFkbWluQHNjaHVsZS5leGFtcGxl?="), "550 5.7.1"),
        (MAMA, SENDER, "Received: x\r\n" * 50 + HEAD, "554 5.4.6"),
        (MAMA, SENDER, f"From: {MAMA}\r\n" + HEAD, "550 5.6.0"),
        ("", SENDER, HEAD, "250 2.0.0"),
        (MAMA, "postmaster@schule.example", HEAD, "250 2.0.0"),
    ],
)
def test_who_may_write_to_whom_as_whom(school: OutsideSchool, sender: str, to: str, head: str, code: str) -> None:
    assert hand_in(school, (head % "x").encode(), sender, to).startswith(code)


def test_from_elsewhere_nothing_is_taken(school: OutsideSchool) -> None:
    with connect(school, "smtp", "127.0.30.10") as stranger:
        assert stranger.mail(MAMA)[0] == 530


def test_while_a_scanner_is_away_mail_waits_outside() -> None:
    with outside_school(more="clamd: /nowhere/clamd.sock") as school:
        assert hand_in(school, (HEAD % "x").encode()).startswith("451 4.7.1")
        assert not school.boxes("frida.lehrer")


def test_there_and_back_through_a_real_server() -> None:
    """Frida writes; the answer, and the bounce of a server further on, come back to her."""
    if not there():
        pytest.skip("a Postfix of one's own needs root")
    with outside_school() as first:  # to have the port of a school before its smarthost is there
        port = first.ports["smtp"]
        with running_postfix(inner=port) as postfix:
            with smtplib.SMTP("localhost", postfix.port) as client:
                client.starttls()
                client.sendmail(MAMA, [SENDER], (HEAD % "Re: Ausflug").encode() + b"Ja!\r\n")
            eventually(lambda: first.boxes("frida.lehrer"))
            assert got(first)["Subject"] == "Re: Ausflug"
            with smtplib.SMTP("localhost", postfix.port) as client:
                client.starttls()
                client.sendmail(SENDER, ["lost@home.example"], b"From: x\r\nSubject: y\r\n\r\n")
            eventually(lambda: first.reports())
            assert "lost@home.example" in str(first.reports()[0])
