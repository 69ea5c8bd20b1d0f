"""Mail in a whole school, with its supervisor: locks, explanations, the outside, devices, the record, the journals."""

from __future__ import annotations

import contextlib
import imaplib
import re
import smtplib
import time

import pytest
import yaml

from tests.integration.alerts.smarthost import Smarthost
from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import Line
from tests.integration.mail.whole_school import (
    AT_ONCE,
    CLASS,
    DEVICE,
    DEVICE_SENDER,
    FRED,
    FRIDA,
    GINA,
    HANNA,
    OUTSIDE,
    REASON,
    RELAY,
    ROSTER,
    SMARTHOST_PASSWORD,
    address,
    at_imap,
    connect,
    found,
    letter,
)
from tests.integration.support_place import DOMAIN
from tests.integration.support_school import School


@pytest.fixture
def school(whole_school: School) -> School:
    return whole_school


@pytest.mark.parametrize("service", [None, "mail"])
def test_a_lock_ends_a_mail_in_flight_and_the_mailbox_within_two_seconds(school: School, service: str | None) -> None:
    """K18: of the message nothing is stored, of the outside mail nothing leaves; the others go on."""
    client, reading, other = connect(school, GINA), at_imap(school, GINA), connect(school, HANNA)
    client.mail(address(GINA))
    client.rcpt(address(FRIDA))
    client.docmd("DATA")
    line = Line(client.sock)  # type: ignore[arg-type]
    line.send(letter(address(GINA), "Im Flug", 50_000))
    line.settle()
    more = {} if service is None else {"service": service}
    began = time.monotonic()
    school.call("users.lock", login=GINA, reason=REASON, **more)
    try:
        said = line.reply()
        assert time.monotonic() - began < AT_ONCE
        assert said.startswith("421 4.7.0 ") and REASON not in said
        reading.sock.settimeout(AT_ONCE)
        with contextlib.suppress(OSError):
            while reading.sock.recv(4096):
                pass
        assert time.monotonic() - began < AT_ONCE
        with contextlib.suppress(OSError):
            line.send(b"\r\n.\r\n")
        assert other.noop()[0] == 250
        assert found(school, FRIDA, "Im Flug") == []
        with pytest.raises(smtplib.SMTPAuthenticationError):
            connect(school, GINA)
        with pytest.raises(imaplib.IMAP4.error):
            at_imap(school, GINA)
    finally:
        school.call("users.unlock", login=GINA, **more)
        client.close()
        other.close()
        with contextlib.suppress(OSError):
            reading.shutdown()
    assert list(school.mailbox(FRIDA).glob("tmp/*")) == []


@pytest.mark.parametrize(
    ("login", "target", "answer", "words"),
    [
        (FRED, address(GINA), "allow", ""),
        (FRED, address("klasse3a"), "deny", "group"),
        (FRED, address("agchor"), "allow", ""),
        (FRIDA, address("klasse3a"), "allow", ""),
        (FRED, OUTSIDE, "deny", "outside"),
        (FRIDA, OUTSIDE, "allow", ""),
        (FRED, address("niemand"), "deny", ""),
        (FRED, address("postmaster"), "allow", ""),
    ],
)
def test_explain_says_what_the_server_does(school: School, login: str, target: str, answer: str, words: str) -> None:
    """``schoolserver explain LOGIN mail --target ADDRESS`` against what a mail program is really told."""
    told = school.call("explain", login=login, service="mail", target=target)
    assert told["answer"] == answer, told
    assert words in f"{told['rule']} {told['reason']} {told['steps']}".lower()
    with connect(school, HANNA if login == FRED else login) as client:
        client.mail(address(HANNA if login == FRED else login))
        assert (client.rcpt(target)[0] == 250) is (answer == "allow")


@pytest.mark.parametrize(
    ("sender", "recipient", "reason"),
    [
        (address(GINA), address(FRIDA), "foreign-sender"),
        (address(HANNA), address("klasse3a"), None),
        (address(HANNA), OUTSIDE, "outside-recipient"),
        (address(HANNA), address("niemand"), "unknown-recipient"),
    ],
)
def test_why_knows_the_rule_and_nobody(school: School, sender: str, recipient: str, reason: str | None) -> None:
    with connect(school, HANNA) as client:
        client.mail(sender)
        code, text = client.docmd(f"RCPT TO:<{recipient}>")
        if code == 503:
            code, text = client.docmd(f"MAIL FROM:<{sender}>")
    shown = re.search(rb"code ([0-9A-Z]{4}-[0-9A-Z]{4})", text)
    assert code == 550 and shown, text
    why = school.why(shown[1].decode())
    assert reason is None or why["reason"] == reason
    assert why["source"]
    telling = (HANNA, GINA, FRIDA, OUTSIDE, "niemand", "klasse3a", "127.0.0.1")
    assert not [word for word in telling if word in str(why)]


@pytest.mark.parametrize("sender", [address(FRIDA), address("klasse3a")])
def test_a_letter_to_parents_and_the_answer(school: School, host: Smarthost, sender: str) -> None:
    """K34: out through the smarthost, the answer in through the relay; the school's PCs are in neither.

    A bounce goes to her, also where she writes as her class, which nobody outside can write to.
    """
    before, answers = len(host.mails), len(found(school, FRIDA, "Re: Elternabend"))
    with connect(school, FRIDA) as client:
        client.sendmail(sender, [OUTSIDE], letter(sender, "Elternabend"))
    school.when(lambda: len(host.mails) > before, 10)
    _session, envelope, message = host.mails[-1]
    assert (envelope.mail_from, envelope.rcpt_tos) == (address(FRIDA), [OUTSIDE])
    assert message["Subject"] == "Elternabend"
    whole = envelope.content
    assert b"pc12" not in whole and b"127.0.0.1" not in whole
    with connect(school, None, "smtp", RELAY) as client:
        client.sendmail(OUTSIDE, [address(FRIDA)], letter(OUTSIDE, "Re: Elternabend"))
    assert len(found(school, FRIDA, "Re: Elternabend")) == answers + 1


def test_dots_and_long_ways_change_nothing(school: School, host: Smarthost) -> None:
    """What looks like an end of data here or there arrives outside as the text that it was, in one message."""
    body = b".\r\n..\r\n...x\r\n \r\n.\t\r\nMAIL FROM:<x@y.example>\r\n" + b"\r\n." * 20_000 + b"\r\nend\r\n"
    before = len(host.mails)
    with connect(school, FRIDA) as client:
        client.sendmail(address(FRIDA), [OUTSIDE], letter(address(FRIDA), "Punkte", 0) + body)
    school.when(lambda: len(host.mails) > before, 10)
    (came,) = host.mails[before:]
    assert came[1].content.split(b"\r\n\r\n", 1)[1] == body


def test_a_device_that_is_listed_no_more_is_nobody_at_once(school: School) -> None:
    """Also on the connection that it has open; listed again, it may hand in again when it connects."""
    path = school.settings.folder / "mail.yaml"
    before = path.read_text()
    with connect(school, None, "smtp", DEVICE) as client:
        assert client.mail(DEVICE_SENDER)[0] == 250
        client.rset()
        try:
            path.write_text(yaml.safe_dump({**yaml.safe_load(before), "devices": []}))
            assert school.call("settings.reload")["warnings"] == []
            assert client.mail(DEVICE_SENDER)[0] == 530
        finally:
            path.write_text(before)
            school.call("settings.reload")
    with connect(school, None, "smtp", DEVICE) as client:
        assert client.mail(DEVICE_SENDER)[0] == 250


def test_what_a_device_scans_comes_in(school: School) -> None:
    with connect(school, None, "smtp", DEVICE) as client:
        client.sendmail(DEVICE_SENDER, [address(FRIDA)], letter(DEVICE_SENDER, "Gescannt"))
    (path,) = found(school, FRIDA, "Gescannt")
    assert DEVICE.encode() not in path.read_bytes(), "no address of a PC or device"


def test_the_envelope_is_recorded(school: School) -> None:
    """K14: who sent what to whom, by its id; the record is the only place that knows."""
    with connect(school, FRIDA) as client:
        client.sendmail(address(FRIDA), [address("klasse3a"), OUTSIDE], letter(address(FRIDA), "Umschlag"))
    (path,) = found(school, GINA, "Umschlag")
    shown = re.search(rb"id ([0-9a-f]{8,});", path.read_bytes())
    assert shown
    identity = shown[1].decode()
    (event,) = eventually(lambda: school.events(kind="mail-accepted", message_id=identity))
    assert event["login"] == FRIDA
    assert set(event["recipients"]) == {*CLASS, OUTSIDE}


def test_the_journals_name_nobody(school: School) -> None:
    """K16: after all of this file, no line of any part names a login, an address, a PC, a device, a subject."""
    with connect(school, HANNA) as client:
        client.docmd("MAIL FROM:<a@[>")
        client.docmd("VRFY gina.musterfrau")
        client.docmd(f"XYZZY {OUTSIDE}")
        client.docmd("NOOP " + "geheim" * 20_000)
    logs = school.logs()
    assert logs.keys() >= {"mail", "outbound", "imap", "auth", "audit", "supervisor", "launcher"}
    people = [
        word.lower() for line in ROSTER.splitlines()[1:] for word in (f"{line.split(';')[1]}.", line.split(";")[2])
    ]
    telling = [
        *people,
        "@",
        DOMAIN,
        OUTSIDE.partition("@")[2],
        "geheim",
        "127.0.0.1",
        DEVICE,
        RELAY,
        "pc12",
        "kopierer",
    ]
    telling += ["klasse3a", "agchor", "wandertag", "elternabend", "umschlag", REASON, "localhost"]
    telling += [password.lower() for password in (*school.passwords.values(), SMARTHOST_PASSWORD)]
    lines = {(unit, line) for unit, text in logs.items() for line in text.splitlines()}
    assert sorted(f"{unit}: {line}" for unit, line in lines if any(word in line.lower() for word in telling)) == []
    assert not [unit for unit, text in logs.items() if "Traceback" in text]
