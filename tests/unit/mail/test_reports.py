"""Reports are read by programs (RFC 3464) and by people, in German and English."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.daemon.texts import LANGUAGES, translator
from appliance.mail.reports import WHOLE_AT_MOST, Outcome, Report, compose
from appliance.mail.reports_text import Action, reason, texts

HEAD = b"From: frida.lehrer@schule.example\r\nSubject: Ausflug\r\nMessage-ID: <1@pc>\r\n\r\n"
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
FULL = Outcome(address="fred.mustermann@schule.example", action=Action.FAILED, status="5.2.2")
REPORT = Report(
    identity="0123456789abcdef",
    domain="schule.example",
    to="frida.lehrer@schule.example",
    at=AT,
    arrived=AT - timedelta(minutes=1),
    outcomes=(FULL,),
    message=HEAD,
)


def read(report: Report) -> EmailMessage:
    found = message_from_bytes(compose(report), policy=default)
    assert isinstance(found, EmailMessage) and not found.defects
    return found


def parts(report: Report) -> list[Any]:
    message = read(report)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    return list(message.iter_parts())


def blocks(report: Report) -> list[Message]:
    part = parts(report)[1]
    assert part.get_content_type() == "message/delivery-status" and not part.defects
    return list(part.get_payload())


def words(report: Report) -> str:
    return str(parts(report)[0].get_content())


def test_a_report_is_from_the_postmaster_to_the_sender_and_is_never_answered() -> None:
    message = read(REPORT)
    assert message["Return-Path"] == "<>" and message["Auto-Submitted"] == "auto-replied"
    assert message["From"] == "postmaster@schule.example" and message["To"] == "frida.lehrer@schule.example"
    assert message["In-Reply-To"] == "<1@pc>" and message["Message-ID"] == "<0123456789abcdef@schule.example>"
    assert message["Subject"] == "Nicht zugestellt / Not delivered"


def test_it_says_in_both_languages_what_happened_to_whom() -> None:
    told = words(REPORT)
    assert "Das Postfach ist voll." in told and "The mailbox is full." in told
    assert told.count("fred.mustermann@schule.example") == 2 and told.count("Ausflug") == 2
    assert "postmaster@schule.example" in told


def test_a_program_reads_the_same() -> None:
    outcome = replace(FULL, original="rfc822;klasse3a@schule.example")
    message, recipient = blocks(replace(REPORT, outcomes=(outcome,), envid="QQ314159"))
    assert message["Reporting-MTA"] == "dns; schule.example" and message["Original-Envelope-Id"] == "QQ314159"
    assert recipient["Final-Recipient"] == "rfc822; fred.mustermann@schule.example"
    assert recipient["Original-Recipient"] == "rfc822;klasse3a@schule.example"
    assert recipient["Action"] == "failed" and recipient["Status"] == "5.2.2"
    assert recipient["Will-Retry-Until"] is None and recipient["Remote-MTA"] is None


@pytest.mark.parametrize(
    ("action", "status", "german", "subject"),
    [
        (Action.FAILED, "5.1.1", "Diese Adresse gibt es nicht.", "Nicht zugestellt / Not delivered"),
        (Action.DELAYED, "4.4.1", "Der andere Mailserver antwortet nicht.", "Verzögert / Delayed"),
        (Action.DELIVERED, "2.0.0", "liegt im Postfach", "Zugestellt / Delivered"),
        (Action.RELAYED, "2.0.0", "einem Mailserver außerhalb der Schule übergeben", "Weitergegeben / Handed on"),
    ],
)
def test_each_kind_of_report(action: Action, status: str, german: str, subject: str) -> None:
    report = replace(REPORT, outcomes=(replace(FULL, action=action, status=status),))
    assert read(report)["Subject"] == subject
    assert german in words(report)
    assert blocks(report)[1]["Action"] == action.value


def test_a_delay_says_until_when_and_a_refusal_what_the_other_server_said() -> None:
    away = replace(FULL, action=Action.DELAYED, status="4.4.1", until=AT + timedelta(days=3))
    refused = replace(FULL, address="eltern@home.example", remote="mx.home.example", said="550 5.7.1 no\r\nX: y\x00")
    report = replace(REPORT, outcomes=(away, refused))
    told, (_, first, second) = words(report), blocks(report)
    assert "24.11.2026 08:00" in told and first["Will-Retry-Until"] == "Tue, 24 Nov 2026 08:00:00 +0000"
    assert "Der andere Mailserver meldete: 550 5.7.1 no X: y" in told
    assert second["Diagnostic-Code"] == "smtp; 550 5.7.1 no X: y" and second["Remote-MTA"] == "dns; mx.home.example"


def test_the_head_is_given_back_and_the_whole_only_if_asked_for_and_small() -> None:
    whole = replace(REPORT, message=HEAD + b"Body\r\n")
    (*_, last) = parts(whole)
    assert last.get_content_type() == "text/rfc822-headers" and b"Body" not in compose(whole)
    (*_, last) = parts(replace(whole, whole=True))
    assert last.get_content_type() == "message/rfc822" and last.get_payload(0).get_payload().strip() == "Body"
    (*_, last) = parts(replace(whole, whole=True, message=HEAD + b"x" * WHOLE_AT_MOST))
    assert last.get_content_type() == "text/rfc822-headers"


def test_what_is_given_back_unasked_is_small() -> None:
    large = HEAD[:-2] + b"X-Large: " + b"y" * 250_000 + b"\r\nTo: " + b"a@b.c, " * 300 + b"x@y.z\r\n\r\nBody\r\n"
    assert len(compose(replace(REPORT, message=large))) < 5000
    assert parts(replace(REPORT, message=large))[-1].get_payload() == HEAD.decode()[:-2]
    delivered = replace(REPORT, outcomes=(replace(FULL, action=Action.DELIVERED, status="2.0.0"),), whole=True)
    assert b"Body" not in compose(replace(delivered, message=HEAD + b"Body\r\n"))


def test_a_head_beyond_ascii_is_called_by_its_name() -> None:
    report = replace(REPORT, message="Subject: Größe\r\n\r\nBody\r\n".encode())
    assert read(report)["Content-Transfer-Encoding"] == "8bit"
    assert parts(report)[-1].get_content_type() == "message/global-headers" and "Größe" in words(report)
    assert parts(replace(report, whole=True))[-1].get_content_type() == "message/global"


def test_the_boundary_is_not_in_what_is_given_back() -> None:
    message = HEAD + b"--=_0123456789abcdef\r\nContent-Type: text/html\r\n\r\n--=_0123456789abcdef--\r\n"
    assert len(parts(replace(REPORT, message=message, whole=True))) == 3


@given(st.binary(max_size=300), st.text(max_size=300), st.booleans())
def test_whatever_was_sent_and_said_there_is_a_report_that_can_be_read(head: bytes, said: str, whole: bool) -> None:
    outcome = replace(FULL, said=said, remote="mx.home.example")
    message = head.replace(b"\r", b"").replace(b"\n", b"\r\n")
    report = replace(REPORT, message=message, outcomes=(outcome,), whole=whole)
    assert len(parts(report)) == 3 and len(blocks(report)) == 2
    assert all(len(line) <= 998 for line in compose(replace(report, message=b"")).split(b"\r\n"))


def test_each_text_is_there_in_german() -> None:
    assert len(texts()) >= 20
    for text in texts():
        assert [translator(one)(text) == text for one in LANGUAGES] == [one == "en" for one in LANGUAGES]


def test_a_success_has_no_reason_and_every_failure_one() -> None:
    assert reason("2.0.0", True) is None
    assert None not in {reason("5.9.9", False), reason("4.9.9", False)}
    assert len({reason("5.7.0", True), reason("5.7.0", False), reason("4.7.0", False)}) == 3, "5.7.0 is ours or theirs"


def test_a_subject_of_any_length_costs_nothing() -> None:
    message = b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\r\n\r\n"
    assert len(compose(replace(REPORT, message=message))) < 8000
