"""Groups, full boxes and the bounds of mass mail in a whole school (K09, K11), kept over restarts and races."""

from __future__ import annotations

import contextlib
import email
import email.policy
import os
import re
import signal
import smtplib

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.mail.whole_school import (
    CLASS,
    FRED,
    FRIDA,
    GINA,
    HANNA,
    IVO,
    KLAUS,
    REASON,
    address,
    again,
    connect,
    found,
    letter,
    reports,
    status_of,
)
from tests.integration.support_school import School


@pytest.fixture
def school(whole_school: School) -> School:
    return whole_school


def test_a_class_mail_is_stored_once(school: School) -> None:
    """One file with a link in each box; and whoever deletes his own takes nothing from the others."""
    with connect(school, FRIDA) as client:
        client.sendmail(address(FRIDA), [address("klasse3a")], letter(address("klasse3a"), "Wandertag"))
    links = {login: found(school, login, "Wandertag") for login in CLASS}
    assert {len(each) for each in links.values()} == {1}
    assert len({each[0].stat().st_ino for each in links.values()}) == 1
    assert links[GINA][0].stat().st_nlink == len(CLASS)
    shown = email.message_from_bytes(links[GINA][0].read_bytes(), policy=email.policy.default)
    assert shown["From"].addresses[0].addr_spec == address("klasse3a")
    assert "3a" in shown["From"].addresses[0].display_name.lower(), "the group's title, not a person's name"
    assert shown["Sender"].address.addr_spec == address(FRIDA), "who it was stands there too"
    size = links[GINA][0].stat().st_size
    for login in (GINA, FRED):
        assert eventually(lambda login=login: school.call("quota.show", login=login)["used"] >= size), (
            "it counts in each"
        )
    links[GINA][0].unlink()
    assert links[FRED][0].read_bytes().startswith(b"X-School-Seal")


def test_who_is_named_twice_gets_it_once(school: School) -> None:
    """By his own address and by two of his groups."""
    to = [address(name) for name in (FRED, "klasse3a", "agchor", FRED.upper())]
    with connect(school, FRIDA) as client:
        client.sendmail(address(FRIDA), to, letter(address(FRIDA), "Doppelt"))
    assert {login: len(found(school, login, "Doppelt")) for login in CLASS} == dict.fromkeys(CLASS, 1)


def test_one_full_box_of_a_group_is_told_and_holds_up_nobody(school: School) -> None:
    """RFC 3464: to whom it did not come, and why, in German and English; nobody answers it, it asks for no answer."""
    school.call("quota.set", login=IVO, size="1 kB", reason=REASON)
    school.when_published("mail", lambda found: found.accounts[IVO].quota == 1000)
    try:
        with connect(school, FRIDA) as client:
            assert (
                client.sendmail(address(FRIDA), [address("klasse3a")], letter(address(FRIDA), "Einer voll", 2000)) == {}
            )
        assert {login: len(found(school, login, "Einer voll")) for login in CLASS} == {
            **dict.fromkeys(CLASS, 1),
            IVO: 0,
        }
        (report,) = reports(school, FRIDA)
        assert report["From"].addresses[0].addr_spec == address("postmaster")
        assert report["Auto-Submitted"].startswith("auto-replied")
        assert report["Return-Path"] == "<>"
        text, status, *_original = report.iter_parts()
        assert "voll" in text.get_content() and "full" in text.get_content()
        assert status.get_content_type() == "message/delivery-status"
        _of_the_message, *recipients = status.get_payload()
        assert [(one["Action"], one["Status"]) for one in recipients] == [("failed", "5.2.2")]
        assert IVO in recipients[0]["Final-Recipient"]
        with connect(school, FRIDA) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.sendmail(address(FRIDA), [address(IVO)], letter(address(FRIDA), "Allein", 500))
        assert caught.value.recipients[address(IVO)][0] == 452, "alone he is refused, there and then"
    finally:
        school.call("quota.reset", login=IVO, reason=REASON)
        school.when_published("mail", lambda found: found.accounts[IVO].quota != 1000)


def test_the_hour_is_counted_after_expansion_and_over_a_restart(school: School) -> None:
    """A pupil has ten recipients an hour here, six in one message (K09); kill -9 and a restart forget nothing."""
    with connect(school, FRED) as client:
        for _ in range(4):
            client.sendmail(address(FRED), [address("agchor")], letter(address(FRED), "Chor"))
    os.kill(school.worker("mail"), signal.SIGKILL)
    with again(school, FRED) as client:
        taken = [client.mail(address(FRED))[0]] + [client.rcpt(address(name))[0] for name in (GINA, FRIDA)]
        assert taken == [250] * 3, "four times the two of the club leave two"
        code, text = client.rcpt(address(KLAUS))
        assert (code, text[:6]) == (452, b"4.5.3 "), text
        assert re.search(rb"\d\d:\d\d|\d+ min", text), "when it will be free again"
        client.rset()
        client.mail(address(FRED))
        code, text = client.rcpt(address("agchor"))
        assert code == 250
        client.data(letter(address(FRED), "Chor"))
    pid = school.pid("mail")
    os.kill(pid, signal.SIGKILL)
    school.until(lambda found: found["mail"].pid not in (0, pid) and found["mail"].state.name == "READY")
    with again(school, FRED) as client:
        client.mail(address(FRED))
        assert client.rcpt(address(GINA))[0] == 452
    with connect(school, HANNA) as client:
        assert client.sendmail(address(HANNA), [address(GINA)], letter(address(HANNA), "Andere")) == {}


def test_the_hour_holds_for_messages_that_end_at_once(school: School) -> None:
    """Eight messages to two people each come to their end in the same moment, at two workers; the hour has ten.

    Never are more than five taken; who was turned away because both were counted may come again at once.
    """
    karl = "karl.kletterer"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(contextlib.closing(connect(school, karl))) for _ in range(8)]
        for client in clients:
            said = [client.docmd(f"MAIL FROM:<{address(karl)}>"), client.docmd(f"RCPT TO:<{address('agklettern')}>")]
            assert [code for code, _ in said] == [250, 250]
            assert client.docmd("DATA")[0] == 354
            client.send(letter(address(karl), "Gleichzeitig"))
        for client in clients:
            client.send(b".\r\n")
        codes = [client.getreply()[0] for client in clients]
        taken = codes.count(250)
        assert taken <= 5 and set(codes) == {250, 452}
        for _ in range(5 - taken):
            clients[0].sendmail(address(karl), [address("agklettern")], letter(address(karl), "Gleichzeitig"))
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            clients[0].sendmail(address(karl), [address("agklettern")], letter(address(karl), "Gleichzeitig"))
    assert len(found(school, "lea.leiter", "Gleichzeitig")) == 5


def test_the_hour_has_bytes_too(school: School) -> None:
    """A pupil writes one MB an hour here, counted in each mailbox (K11); kill -9 forgets nothing."""
    lea = "lea.leiter"
    to = [address(name) for name in (GINA, FRED)]

    def answer(size: int, announced: str = "") -> tuple[int, bytes]:
        with again(school, lea) as client:
            client.mail(address(lea), [announced] if announced else [])
            said = [client.rcpt(each) for each in to]
            if said[-1][0] != 250:
                return said[-1]
            return client.data(letter(address(lea), "Schwer", size))

    assert answer(100, "SIZE=600000")[1].startswith(b"5.3.4 "), "an hour has never room for that"
    assert answer(400_000)[0] == 250
    code, text = answer(150_000)
    assert (code, text[:6]) == (452, b"4.5.3 ") and re.search(rb"\d+ min", text)
    code, text = answer(100, "SIZE=150000")
    assert (code, text[:6]) == (452, b"4.5.3 "), "what is announced is judged at once"
    assert answer(50_000)[0] == 250
    os.kill(school.worker("mail"), signal.SIGKILL)
    assert answer(60_000)[0] == 452
    assert len(found(school, GINA, "Schwer")) == len(found(school, FRED, "Schwer")) == 2


def test_the_quota_holds_for_messages_that_end_at_once(school: School) -> None:
    """Eight messages of 90 kB come to their end in the same moment, at two workers; three have room (K11).

    Never are more than three taken; who was turned away because both were counted may come again at once.
    """
    used = school.call("quota.show", login="lea.leiter")["used"]
    school.call("quota.set", login="lea.leiter", size=f"{used // 1000 + 300} kB", reason=REASON)
    school.when_published("mail", lambda found: found.accounts["lea.leiter"].quota)
    text = letter(address(FRIDA), "Viel auf einmal", 90_000)
    try:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(contextlib.closing(connect(school, FRIDA))) for _ in range(8)]
            for client in clients:
                client.mail(address(FRIDA))
                assert client.rcpt(address("lea.leiter"))[0] == 250
                assert client.docmd("DATA")[0] == 354
                client.send(text)
            for client in clients:
                client.send(b".\r\n")
            codes = [client.getreply()[0] for client in clients]
            taken = codes.count(250)
            assert taken <= 3 and set(codes) == {250, 452}
            for _ in range(3 - taken):
                clients[0].sendmail(address(FRIDA), [address("lea.leiter")], text)
            with pytest.raises(smtplib.SMTPDataError, match="452"):
                clients[0].sendmail(address(FRIDA), [address("lea.leiter")], text)
        assert len(found(school, "lea.leiter", "Viel auf einmal")) == 3
    finally:
        school.call("quota.reset", login="lea.leiter", reason=REASON)


def test_a_message_that_is_too_wide_can_never_be_sent(school: School) -> None:
    with connect(school, IVO) as client:
        client.mail(address(IVO))
        said = [client.rcpt(address(name)) for name in (*CLASS, KLAUS, "ada.verwalter")]
        assert [code for code, _ in said] == [250] * 6 + [550]
        assert said[-1][1].startswith(b"5.5.3 ")


@pytest.mark.parametrize(
    ("asked", "told"), [("NEVER", []), ("FAILURE", [IVO]), ("SUCCESS", list(CLASS)), ("SUCCESS,FAILURE", list(CLASS))]
)
def test_what_is_told_of_a_group_mail_is_what_was_asked(school: School, asked: str, told: list[str]) -> None:
    """RFC 3461: of those who got it when that was asked, of Ivo's full box unless nothing was wanted at all."""
    school.call("quota.set", login=IVO, size="1 kB", reason=REASON)
    school.when_published("mail", lambda found: found.accounts[IVO].quota == 1000)
    try:
        known = len(reports(school, FRIDA))
        with connect(school, FRIDA) as client:
            client.mail(address(FRIDA), ["RET=HDRS", "ENVID=Q+2B1"])
            assert (
                client.rcpt(address("klasse3a"), [f"NOTIFY={asked}", f"ORCPT=rfc822;{address('klasse3a')}"])[0] == 250
            )
            assert client.data(letter(address(FRIDA), f"Gefragt {asked}", 2000))[0] == 250
        new = reports(school, FRIDA)[known:]
        assert bool(new) is bool(told)
        of_whom = " ".join(str(one["Final-Recipient"]) for report in new for one in status_of(report)[1:])
        assert {login for login in CLASS if login in of_whom} <= set(told)
        if asked != "SUCCESS":
            assert (IVO in of_whom) is (IVO in told)
        assert all(status_of(report)[0]["Original-Envelope-Id"] == "Q+1" for report in new)
    finally:
        school.call("quota.reset", login=IVO, reason=REASON)
        school.when_published("mail", lambda found: found.accounts[IVO].quota != 1000)
