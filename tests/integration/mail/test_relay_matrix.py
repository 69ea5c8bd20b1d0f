"""Every way in, sender, recipient and role against the table of who may relay what (K08 to K10): no more, and no less.

A refusal counts only if nothing was stored, a 250 only if the message is in just the mailboxes it was meant for.
"""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Iterator

import pytest

from tests.integration.mail.clients import connect
from tests.integration.mail.relay_matrix import (
    ENTRIES,
    PEOPLE,
    Case,
    Entry,
    From,
    Place,
    Port,
    Recipient,
    Sender,
    cases,
    expected,
)
from tests.integration.mail.relay_school import RelaySchool
from tests.integration.support_parts import PASSWORD

CASES = list(cases())
_CASES_OF_A_CONNECTION = 40  # after 50 refused recipients a connection is ended


class Lines:
    """One kept connection for each way in."""

    def __init__(self, school: RelaySchool) -> None:
        self._school = school
        self._open: dict[Entry, tuple[smtplib.SMTP, int]] = {}

    def of(self, entry: Entry) -> smtplib.SMTP:
        client, used = self._open.pop(entry, (None, 0))
        if client is not None and used >= _CASES_OF_A_CONNECTION:
            client.close()
            client, used = None, 0
        if client is None:
            client = connect(self._school, entry.port.value, entry.place.value, tls=entry.tls)
            if entry.account is not None:
                client.login(entry.account.login, PASSWORD)
        self._open[entry] = (client, used + 1)
        return client

    def close(self) -> None:
        for client, _ in self._open.values():
            client.close()


@pytest.fixture(scope="module")
def lines(relay_school: RelaySchool) -> Iterator[Lines]:
    with contextlib.closing(Lines(relay_school)) as opened:
        yield opened


def test_the_cases_are_many_and_leave_out_nothing() -> None:
    assert len({str(case) for case in CASES}) == len(CASES) > 1000
    assert {case.entry for case in CASES} == set(ENTRIES)
    assert {case.sender for case in CASES} == set(Sender)
    assert {case.recipient for case in CASES} == set(Recipient)
    assert {case.head for case in CASES} == set(From)
    said = {expected(case).replies[-1] for case in CASES}
    assert len(said) == 9, "each kind of answer is expected of some"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_relay(case: Case, relay_school: RelaySchool, lines: Lines) -> None:
    before, waited = _stored(relay_school), len(relay_school.waiting())
    wanted = expected(case)
    said = _send(lines.of(case.entry), case, len(wanted.replies))
    assert [one[: len(start)] for one, start in zip(said, wanted.replies, strict=True)] == list(wanted.replies), said
    after = _stored(relay_school)
    got = {login for login in after if after[login] != before[login]}
    assert (got, len(relay_school.waiting()) - waited) == (set(wanted.boxes), int(wanted.outside))


def _send(client: smtplib.SMTP, case: Case, steps: int) -> list[str]:
    """Say MAIL, RCPT and the message, ``steps`` of them at the most, until one is refused: the replies."""
    client.docmd("RSET")
    envelope = case.sender.address(case.entry)
    own = envelope or Sender.OUTSIDE.address(case.entry)
    group = Sender.OWN_GROUP.address(case.entry)
    message = case.head.lines(own, group) + b"Subject: Elternabend\r\n\r\n"
    message += (b"x" * 70 + b"\r\n") * ((case.recipient.size - len(message)) // 72)
    said = [_line(*client.docmd(f"MAIL FROM:<{envelope}> SIZE={len(message)}"))]
    if said[-1].startswith("250") and steps > 1:
        said.append(_line(*client.docmd(f"RCPT TO:<{case.recipient.address}>")))
    if said[-1].startswith("250") and steps > 2:
        said.append(_line(*client.data(message)))
    return said


def _line(code: int, text: bytes) -> str:
    return f"{code} {text.decode('ascii')}"


def _stored(school: RelaySchool) -> dict[str, list[str]]:
    return {login: [path.name for path in school.boxes(login)] for login in PEOPLE}


@pytest.mark.parametrize("port", [Port.SUBMISSION, Port.SMTP], ids=lambda port: port.value)
@pytest.mark.parametrize("place", Place, ids=lambda place: place.name)
@pytest.mark.parametrize("mechanism", ["PLAIN AGEAYg==", "LOGIN", "LOGIN YQ==", "CRAM-MD5"])
def test_nobody_shows_a_password_in_clear(port: Port, place: Place, mechanism: str, relay_school: RelaySchool) -> None:
    """K06: not even a device; no mechanism is offered, and who tries is told before he says more."""
    with connect(relay_school, port.value, place.value, tls=False) as client:
        assert not client.has_extn("auth")
        assert _line(*client.docmd(f"AUTH {mechanism}")).startswith("538 5.7.11 ")
