"""Who asks ``schoolserver why`` about a malformed message is told which rule it does not keep to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.mail import authenticate, connection
from appliance.mail.device import Device
from appliance.mail.head import read_fields
from appliance.mail.outside.inbound import Relay
from appliance.mail.session import MailSession
from appliance.mail.wrong import Wrong
from appliance.policy.decision import Reason, Rule
from appliance.settings.mail_devices import MailDevice
from tests.unit.mail.wire_school import WireSchool

COPIER, FRED = "kopierer@schule.example", "fred@schule.example"
DEVICE = MailDevice("10.1.30.5", COPIER, "Kopierer", 50, 200, 10**9)
FROM = b"From: " + COPIER.encode() + b"\r\n"
BROKEN = {
    b"Subject: x\r\n\r\nx\r\n": Wrong.NO_FROM,
    b"\r\nx\r\n": Wrong.NO_FROM,
    FROM + FROM + b"\r\nx\r\n": Wrong.TWICE,
    b"From: Leitung: a@b;\r\n\r\nx\r\n": Wrong.SENDER,
    b"From: =?x-none?q?a?= <" + COPIER.encode() + b">\r\n\r\nx\r\n": Wrong.ENCODED,
    FROM + b"X: y\r\n" * 1000 + b"\r\nx\r\n": Wrong.MUCH,
    FROM + b"Not a field\r\n\r\nx\r\n": Wrong.FIELD,
    FROM + b"Subject: \x1b[2J\r\n\r\nx\r\n": Wrong.CONTROL,
    FROM + b"\r\na\0b\r\n": Wrong.NUL,
    FROM + b"\r\na\nb\r\n": Wrong.LINE_END,
    FROM + b"\r\n" + b"x" * 999 + b"\r\n": Wrong.LONG_LINE,
}


class _Remembering(WireSchool):
    """One that keeps what was refused."""

    rules: list[tuple[Reason, Rule]]

    def refuse(self, _service, reason, rule) -> str:
        self.rules.append((reason, rule))
        return "7KQF-2MXA"


@pytest.fixture(scope="module")
def school(tmp_path_factory) -> Iterator[_Remembering]:
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        patch.setattr(authenticate, "_FIRST_PAUSE", 0)
        patch.setattr(connection, "_PAUSE", 0)
        yield _Remembering(tmp_path_factory.mktemp("wire"), (one, two))


def refused(school: _Remembering, message: bytes, party, sender: str) -> list[tuple[Reason, Rule]]:
    school.rules = []
    commands = f"EHLO x\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<{FRED}>\r\nDATA\r\n".encode()
    said = b"".join(asyncio.run(school.talk([commands, message + b".\r\n"], party, safe=False)))
    assert b"\r\n550 5.6.0 " in said
    assert said.count(b"7KQF-2MXA") == 1
    return school.rules


@pytest.mark.parametrize("message", BROKEN, ids=[f"{wrong.name}-{n}" for n, wrong in enumerate(BROKEN.values())])
def test_each_has_a_rule_of_its_own(school: _Remembering, message: bytes) -> None:
    found = refused(school, message, Device(school.house, DEVICE), COPIER)
    assert found == [(Reason.MALFORMED, BROKEN[message].value)]


def test_each_rule_is_reached_and_says_something_else() -> None:
    assert set(BROKEN.values()) == set(Wrong)
    assert len({wrong.value.text for wrong in Wrong}) == len(Wrong)


@pytest.mark.parametrize(
    ("head", "wrong"),
    [
        (b"Subject: x\r\n", Wrong.NO_FROM),
        (b"From: a@b.example\r\nFrom: c@d.example\r\n", Wrong.TWICE),
        (b"From: nobody\r\n", Wrong.SENDER),
        (b"From: =?x-none?q?a?= <a@b.example>\r\n", Wrong.ENCODED),
    ],
)
def test_so_it_is_with_mail_from_outside(school: _Remembering, head: bytes, wrong: Wrong) -> None:
    school.rules = []
    party = Relay(school.house)
    found = head_of(school, party, head)
    assert found == [(Reason.MALFORMED, wrong.value)]


def head_of(school: _Remembering, party: Relay, head: bytes) -> list[tuple[Reason, Rule]]:
    """What is said of a head alone: nobody of this school gets mail from outside."""
    session = MailSession(school.house, "192.0.2.25", lambda _reply: None)
    session.enter(party)
    assert isinstance(session.head(read_fields(head)), str)
    return school.rules
