"""Each reply that the mail service has, on the wire: in a transcript, or in a test that needs more than one line."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

import pytest

from appliance.mail import replies
from appliance.mail.replies import Notice
from appliance.policy.account import Lock, Role
from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import FRED, FRIDA, Line, connect
from tests.integration.mail.school import PEOPLE, School
from tests.integration.mail.transcript_player import PLACES, play
from tests.integration.mail.transcripts import TRANSCRIPTS
from tests.integration.support_parts import PASSWORD, person, short_folder

_MORE: Final = (
    person("vera.voll", 20010, Role.PUPIL, quota=10_000),
    person("lola.gesperrt", 20011, Role.PUPIL, locks=(Lock(None, datetime(2026, 9, 1, tzinfo=UTC), None),)),
    person("moni.muss", 20012, Role.PUPIL, must_change=True),
)
ELSEWHERE: Final = {
    "421 4.3.2": "test_delivery.py::test_a_stop_waits_for_what_is_being_stored_and_tells_the_others",
    "421 4.4.2": "test_strangers.py::test_an_idle_client_is_told_and_closed",
    "451 4.3.0": "test_delivery.py::test_a_disk_that_fails_for_one_recipient_leaves_nothing_with_the_others",
    "451 4.7.1": "outside/test_in.py::test_while_a_scanner_is_away_mail_waits_outside",
    "452 4.3.1": "test_delivery.py::test_a_full_disk_is_a_temporary_failure_and_leaves_nothing",
    "454 4.7.0": "test_imap.py::test_the_password_service_away_is_a_temporary_failure",
    "550 5.5.3": "test_whole_bounds.py::test_a_message_that_is_too_wide_can_never_be_sent",
    "554 5.5.0": "test_strangers.py::test_who_talks_before_the_greeting_is_shown_the_door",
}
"""Replies that no single conversation brings about, and the test that does."""
_CODE = re.compile(r"[245]\d\d [245]\.\d{1,2}\.\d{1,2}")


class WaysSchool(School):
    """A school with a device, a relay and people in every state."""

    PEOPLE: ClassVar = {
        **PEOPLE,
        **{one.login: one for one in _MORE},
        "otto.ohne": person("otto.ohne", 20013, Role.PUPIL),
    }
    NETWORK_YAML = "device_networks: [127.0.21.0/24]\n"
    MAIL_YAML = (
        "idle_timeout: 20 s\nrecipients_max: 3\nsign_ins_max: 4\n"
        f"devices:\n- {{address: {PLACES['device']}, sender: kopierer@schule.example, name: Kopierer}}\n"
        f"outside: {{send: [teacher], receive: [teacher], smarthost: 'localhost:9', relays: [{PLACES['relay']}]}}\n"
    )


@pytest.fixture(scope="module")
def ways() -> Iterator[WaysSchool]:
    with contextlib.ExitStack() as stack:
        folder, inner = stack.enter_context(short_folder())
        school = WaysSchool(folder, inner)
        school.publish(otto__ohne={"consents": frozenset()})
        yield school
        log = school.log.read_text()
    assert "unexpected" not in log and "callback or task" not in log


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_conversation(ways: WaysSchool, name: str) -> None:
    play(ways, TRANSCRIPTS[name])


_LETTER = (
    b"From: kopierer@schule.example\r\nTo: J\xc3\xbcrgen <frida.lehrer@schule.example>\r\nSubject: \xc3\x9cbung\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Gr\xc3\xbc\xc3\x9fe \xff\xfe\r\n..\r\n"
)


def test_commands_may_come_in_one_piece(ways: WaysSchool) -> None:
    """PIPELINING (RFC 2920): MAIL, recipients and DATA at once, the next message right behind the last; 8BITMIME."""
    before = ways.boxes("frida.lehrer")
    line = device(ways)
    commands = (
        "MAIL FROM:<kopierer@schule.example> BODY=8BITMIME SMTPUTF8",
        "RCPT TO:<nobody@schule.example>",
        "RCPT TO:<frida.lehrer@schule.example>",
        "DATA",
    )
    whole = "".join(f"{command}\r\n" for command in commands).encode() + _LETTER + b".\r\n"
    line.send(whole * 2 + b"QUIT\r\n")
    starts = [line.reply()[:3] for _ in range(11)]
    assert starts == [*(["250", "550", "250", "354", "250"] * 2), "221"] and line.reply() == ""
    line.close()
    new = [path.read_bytes() for path in ways.boxes("frida.lehrer") if path not in before]
    assert len(new) == 2 and all(
        one.endswith(_LETTER.partition(b"\r\n")[2].replace(b"\r\n..", b"\r\n.")) for one in new
    )
    assert all(b"Received: by schule.example with UTF8SMTP id " in one for one in new), "neither TLS nor a sign-in"
    assert all(PLACES["device"].encode() not in one for one in new)


@pytest.mark.parametrize("notify", ["SUCCESS", "NEVER", "FAILURE,DELAY"])
def test_who_asks_is_told_that_it_came(ways: WaysSchool, notify: str) -> None:
    """DSN (RFC 3461 5.2.2, RFC 3464): by name, once, and nobody else."""
    before = {*ways.boxes("fred.mustermann"), *ways.boxes("frida.lehrer")}
    with connect(ways, "submissions") as client:
        client.login("fred.mustermann", PASSWORD)
        client.docmd("MAIL", f"FROM:<{FRED}> RET=HDRS ENVID=QQ+2B1")
        code, _ = client.docmd("RCPT", f"TO:<{FRIDA}> NOTIFY={notify} ORCPT=rfc822;fr+2Bida@elsewhere.example")
        assert code == 250
        assert client.data(f"From: {FRED}\r\nSubject: asked\r\n\r\nsecret\r\n")[0] == 250
    new = {*ways.boxes("fred.mustermann"), *ways.boxes("frida.lehrer")} - before
    assert len(new) == (2 if notify == "SUCCESS" else 1)
    for path in new:
        if "fred.mustermann" in path.parts:
            report = email.message_from_bytes(path.read_bytes(), policy=email.policy.SMTP)
            assert (report.get_content_type(), report["Auto-Submitted"]) == ("multipart/report", "auto-replied")
            envelope, recipient = [part for part in report.walk() if part.get_content_type() == "text/plain"][1:3]
            assert envelope["Original-Envelope-Id"] == "QQ+1"
            assert (recipient["Action"], recipient["Status"][:2]) == ("delivered", "2.")
            assert recipient["Original-Recipient"] == "rfc822;fr+ida@elsewhere.example"
            assert recipient["Final-Recipient"] == f"rfc822; {FRIDA}"
            assert b"secret" not in path.read_bytes() and b"Subject: asked" in path.read_bytes()


def test_a_device_that_is_taken_away_hands_in_no_more(ways: WaysSchool) -> None:
    """Not even on a connection that it has had all the time."""
    settings, line = ways.settings.folder / "mail.yaml", device(ways)
    text = settings.read_text()

    def answer(line: Line) -> str:
        line.send(b"RSET\r\nMAIL FROM:<kopierer@schule.example>\r\n")
        return line.reply()[:3] + line.reply()[:9]

    assert answer(line) == "250250 2.1.0"
    try:
        settings.write_text(text.replace(PLACES["device"], "127.0.21.8"))
        reload(ways)
        eventually(lambda: answer(line) == "250530 5.7.0")
    finally:
        settings.write_text(text)
        reload(ways)
    line.close()

    def comes_again() -> bool:
        with contextlib.closing(device(ways)) as again:
            return answer(again) == "250250 2.1.0"

    eventually(comes_again)


def reload(ways: WaysSchool) -> None:
    process = ways.mail.process
    assert process is not None
    process.send_signal(signal.SIGHUP)


def device(ways: WaysSchool) -> Line:
    """A connection of the device's, greeted."""
    address = ("127.0.0.1", ways.ports["smtp"])
    line = Line(socket.create_connection(address, 20, source_address=(PLACES["device"], 0)))
    assert line.reply().startswith("220 ")
    line.send(b"EHLO kopierer\r\n")
    said = line.reply().splitlines()
    assert {"250-PIPELINING", "250-8BITMIME", "250-SMTPUTF8", "250-ENHANCEDSTATUSCODES", "250-STARTTLS"} <= set(said)
    assert not any(one.startswith("250-AUTH") for one in said), "no password in clear"
    return line


def test_each_reply_is_shown() -> None:
    columns = [code for table in replies._STAGES.values() for code in (table.other, *table.codes.values())]
    said = set(_CODE.findall("".join(TRANSCRIPTS.values())))
    assert set(_CODE.findall(" ".join([*columns, *Notice]))) - said - ELSEWHERE.keys() == set()
    for place in ELSEWHERE.values():
        file, _, test = place.partition("::")
        assert f"def {test}(" in (Path(__file__).parent / file).read_text(), place
