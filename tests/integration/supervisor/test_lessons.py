"""Lessons on a server that runs: in force within two seconds, for mail in Dovecot too, over by themselves, recorded."""

import contextlib
import imaplib
import os
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from appliance.policy.account import Service
from appliance.policy.decision import Allow, Deny
from appliance.policy.request import Action, Request
from appliance.policy.rules import decide
from appliance.supervisor.client import ServerRefused
from tests.integration.support_school import ACCOUNTS, QUICK, School, running, soon

ROSTER = """Import-ID;Vorname;Nachname;Klasse;Rolle;Geburtsdatum
1;Fred;Mustermann;3a;pupil;01.02.2017
2;Jan;Klein;4b;pupil;02.03.2017
3;Anna;Lehmann;3a;teacher;
"""
FRED, JAN, ANNA = "fred.mustermann", "jan.klein", "anna.lehmann"
IN_12 = "198.18.12.7"
SETTINGS = {
    **QUICK,
    "network": {"networks": ["198.18.0.0/16"], "rooms": {"12": ["198.18.12.0/24"], "13": ["198.18.13.0/24"]}},
    "web": {"lessons": {"longest": "2 h", "rooms": {"13": []}}},
}


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    with running(SETTINGS, (*ACCOUNTS, "mail", "imap")) as made:
        made.bring_in(ROSTER)
        yield made


@pytest.fixture(autouse=True)
def afterwards(school: School) -> Iterator[None]:
    yield
    for one in school.call("web.lessons")["lessons"]:
        school.call("web.end", number=str(one["number"]))


def site(school, login=FRED, target="https://www.example.org/", address=IN_12):
    """What the proxy decides by what is published for it."""
    request = Request(login, Service.WEB, Action.FETCH, target, address)
    answer = decide(school.published("web"), request, datetime.now(UTC))
    return answer.reason if isinstance(answer, Deny) else isinstance(answer, Allow)


@contextlib.contextmanager
def mailbox(school, login):
    address = school.settings.network.listen["imap"]
    context = ssl.create_default_context(cafile=school.ca)
    context.check_hostname = False
    client = imaplib.IMAP4(address.host, address.port, timeout=10)
    try:
        client.starttls(context)
        client.login(login, school.passwords[login])
        yield client
    finally:
        client.shutdown()


def ended_after(client):
    """Seconds until the server has ended the connection."""
    begun = time.monotonic()
    client.sock.settimeout(10.0)
    while client.sock.recv(4096):
        pass
    return time.monotonic() - begun


def test_a_blocked_room_counts_at_once_and_names_its_teacher_in_the_record_alone(school):
    begun = time.monotonic()
    answer = school.call("web.block-room", room="12", until=soon(3600), **{"as": ANNA})
    assert site(school) == "lesson"
    assert time.monotonic() - begun < 2.0
    assert answer["published"]
    assert site(school, address="198.18.13.7") is site(school, ANNA) is True
    (event,) = school.when(lambda: school.events(kind="lesson-begun", number=answer["number"]))
    assert (event["measure"], event["room"], event["teacher"]) == ("block", "12", ANNA)
    assert event["by"] != ANNA
    snapshots = school.folder / "runtime" / "snapshots"
    assert b"state lesson" not in (snapshots / "mail.snapshot").read_bytes()
    assert school.published("mail").lessons == ()
    told = school.call("explain", login=FRED, service="web", target="https://example.org/", address=IN_12)
    assert (told["answer"], told["reason"]) == ("deny", "lesson")
    assert told["rule"]["source"] == f"state lesson {answer['number']}"
    assert any(step.startswith("set by anna.lehmann at ") for step in told["steps"])
    (row,) = (one for one in school.call("status")["checks"] if one["name"] == "lessons")
    assert row["ok"] and row["text"].startswith("no web in room 12 until ")


def test_an_exam_ends_mail_within_two_seconds_and_opens_it_on_time(school):
    with mailbox(school, FRED) as freds, mailbox(school, JAN) as jans:
        begun = time.monotonic()
        school.call("web.exam", group="klasse3a", targets=["example.org"], until=soon(5.0))
        ended_after(freds)
        assert time.monotonic() - begun < 2.0
        assert jans.noop()[0] == "OK"
    with pytest.raises(imaplib.IMAP4.error), mailbox(school, FRED):
        pass
    assert site(school) is True
    assert site(school, target="https://other.example/") == "exam"
    assert site(school, JAN, "https://other.example/") is True
    for target, answer in (("", "allow"), ("/Groups/klasse3a/x", "deny"), ("/Home/x", "allow")):
        assert school.call("explain", login=FRED, service="files", target=target)["answer"] == answer
    assert school.call("explain", login=FRED, service="pc")["reason"] == "exam"
    school.when_published("mail", lambda found: not found.lessons)
    with mailbox(school, FRED):
        assert site(school, target="https://other.example/") is True


def test_a_teacher_may_no_more_than_what_is_hers(school):
    ask = {"until": soon(600), "as": ANNA}
    for verb, given in (
        ("web.exam", {"group": "klasse4b"}),
        ("web.allow", {"whom": "klasse4b", "targets": ["example.org"]}),
        ("web.block-room", {"room": "13"}),
    ):
        with pytest.raises(ServerRefused) as refused:
            school.call(verb, **given, **ask)
        assert refused.value.kind == "not-allowed"
    with pytest.raises(ServerRefused, match="the latest"):
        school.call("web.block-room", room="12", until=soon(3 * 3600))
    assert school.call("web.lessons")["lessons"] == []


def test_it_outlives_the_supervisor_and_is_ended_by_hand(school):
    number = school.call("web.allow", whom="klasse3a", targets=["example.org"], until=soon(3600))["number"]
    before = school.pid("supervisor")
    os.kill(before, 9)
    school.until(lambda units: units["supervisor"].healthy and units["supervisor"].pid != before)
    assert [one["number"] for one in school.call("web.lessons")["lessons"]] == [number]
    assert [one.number for one in school.published("web").lessons] == [number]
    school.call("web.end", what="klasse3a", **{"as": ANNA})
    assert school.published("web").lessons == ()
    (event,) = school.when(lambda: school.events(kind="lesson-ended", number=number))
    assert (event["group"], event["targets"], event["teacher"]) == ("klasse3a", ["example.org"], ANNA)


def test_the_journal_speaks_of_nobody(school):
    assert not any(word in text for text in school.logs().values() for word in (FRED, ANNA, "klasse3a", "example.org"))
