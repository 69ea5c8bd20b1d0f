"""Mail leaves the school through a real Postfix, now or later, and its sender learns what came of it (K08, K34)."""

import contextlib
import smtplib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes

import pytest

from appliance.policy.account import Lock, Role
from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import connect
from tests.integration.mail.outside.postfix import SIZE, Postfix
from tests.integration.mail.outside.school import SENDER, OutsideSchool, outside_school
from tests.integration.support_parts import PASSWORD


@pytest.fixture(scope="module")
def running(postfix: Postfix) -> Iterator[OutsideSchool]:
    with outside_school(postfix.port, postfix.ca) as school:
        yield school


@pytest.fixture
def school(running: OutsideSchool, postfix: Postfix) -> Iterator[OutsideSchool]:
    """The school, with nothing in mailboxes or waiting."""
    yield running
    postfix.treats()
    running.publish()
    eventually(lambda: _may_write(running))
    running.ask("retry", message=None)
    eventually(lambda: not running.waiting())
    for path in [*running.boxes("frida.lehrer"), *postfix.folder.glob("boxes.d/*/new/*")]:
        path.unlink()


def _may_write(school: OutsideSchool) -> bool:
    """Whether the mail service knows that Frida may write to the outside."""
    with contextlib.suppress(smtplib.SMTPException), connect(school) as mail:
        mail.login("frida.lehrer", PASSWORD)
        mail.mail(SENDER)
        return mail.rcpt("papa@home.example")[0] == 250
    return False


def test_a_letter_to_parents_arrives_from_the_school_address_once_each(school: OutsideSchool, postfix: Postfix) -> None:
    """K34: parents get letters on their private address; the child's mailbox is the child's."""
    school.send(
        "mama@home.example", "papa@home.example", text=b"Bcc: papa@home.example\r\nSubject: x\r\n\r\n.\r\n..a\r\n"
    )
    for name in ("mama", "papa"):
        eventually(lambda name=name: postfix.boxes(name))
        (message,) = postfix.boxes(name)
        assert message.startswith(b"Return-Path: <" + SENDER.encode())
        assert message.count(b"Return-Path") == 1
        read = message_from_bytes(message)
        assert read["From"] == f"Frida Lehrer <{SENDER}>" and read["Bcc"] is None
        assert read.get_payload() == ".\n..a\n", "dots at the beginning of a line stay"
        assert f"{'papa' if name == 'mama' else 'mama'}@" not in read.as_string(), "nobody sees who else gets it"
        assert read.get_all("Received")[-1].startswith("by schule.example with ESMTPSA id"), "where she sat is not told"
    eventually(lambda: not school.waiting())
    assert not school.reports() and not school.boxes("fred.mustermann")


def test_one_message_for_inside_and_outside(school: OutsideSchool, postfix: Postfix) -> None:
    school.send("fred.mustermann@schule.example", "papa@home.example")
    eventually(lambda: postfix.boxes("papa"))
    (inside,) = school.boxes("fred.mustermann")
    assert b"X-School-Seal" in inside.read_bytes() and b"X-School-Seal" not in postfix.boxes("papa")[0]
    inside.unlink()


def test_who_may_not_cannot(school: OutsideSchool) -> None:
    with connect(school) as mail:
        mail.login("fred.mustermann", PASSWORD)
        with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.7\.1"):
            mail.sendmail("fred.mustermann@schule.example", ["papa@home.example"], b"Subject: x\r\n\r\n")
    assert not school.waiting()


def test_an_address_that_is_refused_comes_back_to_its_sender(school: OutsideSchool, postfix: Postfix) -> None:
    postfix.treats(nobody="550 5.1.1 unknown here")
    school.send("papa@home.example", "nobody@home.example")
    (report,) = eventually(school.reports)
    text, status, head = (part for part in report.iter_parts())  # type: ignore[attr-defined]  # email's default policy
    assert "Diese Adresse gibt es nicht." in text.get_content() and "There is no such address." in text.get_content()
    assert "nobody@home.example" in text.get_content() and "papa@" not in text.get_content()
    assert status.get_payload()[1]["Status"] == "5.1.1" and "550 5.1.1" in status.get_payload()[1]["Diagnostic-Code"]
    assert "Subject: Ausflug" in head.get_content()
    (path,) = school.boxes("frida.lehrer")
    assert path.read_bytes().startswith(b"X-School-Seal:"), "what we deliver is marked"
    eventually(lambda: postfix.boxes("papa"))
    eventually(lambda: not school.waiting())


def test_an_address_that_cannot_now_is_tried_again(school: OutsideSchool, postfix: Postfix) -> None:
    postfix.treats(oma="450 4.2.0 come again")
    school.send("papa@home.example", "oma@home.example")
    (waiting,) = eventually(lambda: [one for one in school.waiting() if one["tries"] >= 2])
    assert (waiting["recipients"], waiting["why"]) == (1, "4.2.0")
    assert len(postfix.boxes("papa")) == 1 and not postfix.boxes("oma")
    postfix.treats()
    eventually(lambda: postfix.boxes("oma"))
    eventually(lambda: not school.waiting())
    assert len(postfix.boxes("papa")) == 1, "who has it gets it once"
    assert not school.reports()


def test_a_message_that_ends_each_connection_holds_up_no_other(school: OutsideSchool, postfix: Postfix) -> None:
    postfix.treats(oma="421 4.7.0 good bye")
    school.send("oma@home.example")
    eventually(lambda: any(one["tries"] >= 2 for one in school.waiting()))
    assert school.ask("standing")["problem"] is None, "the way is fine"
    for name in ("mama", "papa"):
        school.send(f"{name}@home.example")
        eventually(lambda name=name: postfix.boxes(name))
    eventually(lambda: [one["why"] for one in school.waiting()] == ["4.4.2"])


def test_a_message_that_is_larger_than_the_smarthost_takes_comes_back(school: OutsideSchool, postfix: Postfix) -> None:
    line = b"0123456789" * 9 + b"\r\n"
    school.send("papa@home.example", text=b"Subject: x\r\n\r\n" + line * (SIZE // len(line) + 1))
    (report,) = eventually(school.reports)
    assert "5.3.4" in str(report) and not postfix.boxes("papa")


def test_reports_as_asked_for(school: OutsideSchool, postfix: Postfix) -> None:
    postfix.treats(nobody="550 5.1.1 unknown here")
    school.send("nobody@home.example", rcpt=["NOTIFY=NEVER"])
    eventually(lambda: not school.waiting())
    assert not school.reports()
    school.send("nobody@home.example", options=["ENVID=QQ1", "RET=FULL"], rcpt=["NOTIFY=FAILURE", "ORCPT=rfc822;x+40y"])
    (report,) = eventually(school.reports)
    _, status, whole = (part for part in report.iter_parts())  # type: ignore[attr-defined]  # email's default policy
    assert status.get_payload()[0]["Original-Envelope-Id"] == "QQ1"
    assert status.get_payload()[1]["Original-Recipient"] == "rfc822;x@y"
    assert whole.get_content_type() == "message/rfc822" and "Hallo" in str(whole)


def test_letters_beyond_ascii(school: OutsideSchool, postfix: Postfix) -> None:
    school.send(
        "papa@home.example", text="Subject: Größe\r\n\r\nGrüße\r\n".encode(), options=["SMTPUTF8", "BODY=8BITMIME"]
    )
    eventually(lambda: postfix.boxes("papa"))
    assert "Subject: Größe".encode() in postfix.boxes("papa")[0] and "Grüße".encode() in postfix.boxes("papa")[0]


def _not_yet(school: OutsideSchool, postfix: Postfix) -> None:
    """Let a message of Frida's wait."""
    postfix.treats(papa="450 4.2.0 come again")
    school.send("papa@home.example")
    eventually(lambda: any(one["tries"] for one in school.waiting()))


def test_a_lock_holds_what_waits(school: OutsideSchool, postfix: Postfix) -> None:
    _not_yet(school, postfix)
    school.publish(frida__lehrer={"locks": (Lock(None, datetime.now(UTC), None),)})
    eventually(lambda: _steady(school))
    postfix.treats()
    assert not postfix.boxes("papa") and _steady(school)
    assert school.waiting()[0]["rests"] and school.ask("standing")["oldest"] is None
    assert school.ask("retry", message=None) == {"count": 0}
    school.publish()
    eventually(lambda: postfix.boxes("papa"))
    assert not school.reports()


def test_a_lock_reaches_what_is_just_being_sent(school: OutsideSchool, postfix: Postfix) -> None:
    """K18: a slow smarthost is no way round a lock."""
    postfix.treats(papa="slow")
    school.send("papa@home.example")
    log = postfix.folder / "log"
    before = log.read_text().count("disconnect from")
    eventually(lambda: log.read_text().count("connect from") > log.read_text().count("disconnect from") * 2)
    begun = time.monotonic()
    school.publish(frida__lehrer={"locks": (Lock(None, datetime.now(UTC), None),)})
    eventually(lambda: [one for one in school.waiting() if one["why"] == "4.4.2"])
    assert time.monotonic() - begun < 5, "it was cut off, and did not wait for the server"
    eventually(lambda: log.read_text().count("disconnect from") > before)
    assert not postfix.boxes("papa") and len(school.waiting()) == 1
    postfix.treats()


@pytest.mark.parametrize("change", [{"role": Role.PUPIL}, {"disabled": True}], ids=["right", "account"])
def test_a_right_that_is_withdrawn_ends_what_waits(
    school: OutsideSchool, postfix: Postfix, change: dict[str, object]
) -> None:
    _not_yet(school, postfix)
    school.publish(frida__lehrer=change)
    eventually(lambda: not school.waiting())
    text = next(iter(school.reports()[0].iter_parts())).get_content()  # type: ignore[attr-defined]  # email's policy
    assert "dürfen Sie nicht" in text and not postfix.boxes("papa")


def test_the_administrator_looks_tries_and_ends(school: OutsideSchool, postfix: Postfix) -> None:
    _not_yet(school, postfix)
    (one,) = school.waiting()
    assert "@" not in str(one) and "frida" not in str(one), "whose mail it is concerns nobody"
    assert school.ask("retry", message="0" * 16) == {"count": 0}
    assert school.ask("drop", message="0" * 16, by="root", reason="x") == {"dropped": False}
    eventually(lambda: school.ask("drop", message=one["id"], by="root", reason="x")["dropped"])
    assert not school.waiting()
    text = next(iter(school.reports()[0].iter_parts())).get_content()  # type: ignore[attr-defined]  # email's policy
    assert "angehalten" in text and not postfix.boxes("papa")


def _steady(school: OutsideSchool) -> int | None:
    """Give how often a message was tried, once that does not change for longer than one try takes."""
    first = school.waiting()[0]["tries"]
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        if school.waiting()[0]["tries"] != first:
            return None
    return int(first)
