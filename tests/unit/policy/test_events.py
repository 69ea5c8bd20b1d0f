"""Only the closed list of events can be recorded, and each comes back as it was."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.account import Consent, Service
from appliance.policy.decision import Reason
from appliance.policy.events import Event, Kind, WrongEvent, decode, encode, validate

from .strategies import FRED, NOW, checked

COUNTS = {"new": 3, "changed": 2, "moved": 1, "gone": 0}
CONSENT = {"login": FRED, "consent": "logs", "version": "2026-08", "by": "office"}
LOCK = {"login": FRED, "service": "mail", "until": "2026-12-01T00:00:00+01:00", "by": "head", "reason": "agreed"}
LESSON = {
    "number": 7,
    "measure": "exam",
    "group": "klasse3a",
    "targets": ("example.org",),
    "until": "2026-11-23T10:35:00+01:00",
    "by": "carer",
    "teacher": "anna.lehmann",
}
EXAMPLES = {
    Kind.SIGN_IN: {"service": "mail", "login": FRED, "address": "10.1.12.3", "outcome": "verified"},
    Kind.REFUSED: {
        "code": "7KQF-2MXA",
        "service": "web",
        "reason": "not-open",
        "source": "access.yaml:3",
        "text": "no",
    },
    Kind.MAIL_LEFT: {"login": FRED, "message_id": "3f9c", "recipients": ("a@b",), "outcome": "sent"},
    Kind.MAIL_ACCEPTED: {"login": FRED, "recipients": ("a@b", "c@d"), "size": 912, "message_id": "<1@schule.example>"},
    Kind.LOCKED: LOCK,
    Kind.UNLOCKED: {"login": FRED, "by": "head"},
    Kind.PASSWORD_CHANGED: {"login": FRED},
    Kind.PASSWORD_RESET: {"login": FRED, "by": "office"},
    Kind.IMPORT_APPLIED: {"by": "office", **COUNTS},
    Kind.ACCOUNT_CREATED: {"login": FRED},
    Kind.ACCOUNT_REMOVED: {"login": FRED},
    Kind.CONSENT_GIVEN: CONSENT,
    Kind.CONSENT_WITHDRAWN: CONSENT,
    Kind.SETTINGS_CHANGED: {"by": None},
    Kind.SESSION_ENDED: {"service": "mail", "login": FRED, "reason": "locked"},
    Kind.FILE_STORED: {"login": FRED, "path": "/Home/Referat.odt", "size": 912},
    Kind.FILE_FETCHED: {"login": FRED, "path": "/Home/Referat.odt", "size": 912},
    Kind.FILE_REMOVED: {"login": FRED, "path": "/Home/Referat.odt"},
    Kind.WEB_USED: {
        "login": FRED,
        "address": "10.1.12.3",
        "host": "www.example.org",
        "port": 443,
        "way": "connect",
        "since": "2026-11-23T09:25:00+01:00",
        "requests": 1,
        "up": 912,
        "down": 70_000,
        "outcome": "done",
    },
    Kind.RESTORED: {"login": FRED, "by": "office", "snapshot": "2026-11-21T003000"},
    Kind.BACKUP_FORGET: {"login": "fred.mustermann", "by": None, "undone": "no"},
    Kind.LIMIT_ALLOWED: {
        "group": "klasse3a",
        "size": 500_000_000,
        "until": "2026-12-19T00:00:00+01:00",
        "by": "head",
        "reason": "film",
    },
    Kind.LIMIT_REVOKED: {"login": FRED, "by": "head"},
    Kind.QUOTA_SET: {"login": FRED, "size": None, "by": "carer", "reason": "film is done"},
    Kind.FOLDER_GIVEN: {"area": "groups", "name": "film", "to": "klasse3a", "by": "carer"},
    Kind.FOLDER_DELETED: {"area": "homes", "name": FRED, "by": None},
    Kind.VERSIONS_DELETED: {"instant": None, "count": 38, "by": "carer"},
    Kind.DEVICE_BOUND: {"login": FRED, "address": "10.1.40.7", "until": "2026-12-19T00:00:00+01:00", "by": "carer"},
    Kind.DEVICE_RELEASED: {"login": FRED, "address": "10.1.40.7", "by": "carer"},
    Kind.LESSON_BEGUN: LESSON,
    Kind.LESSON_ENDED: LESSON,
}


@pytest.mark.parametrize("kind", Kind)
def test_an_event_of_each_kind_comes_back(kind):
    event = Event(kind, NOW, EXAMPLES[kind])
    assert decode(encode(event)) == event
    assert b"\n" not in encode(event)


@pytest.mark.parametrize("kind", Kind)
def test_no_kind_has_room_for_anything_else(kind):
    with pytest.raises(WrongEvent, match=f"{kind}: no such field: content"):
        validate(Event(kind, NOW, {**EXAMPLES[kind], "content": "a secret"}))


def test_a_refusal_names_no_person():
    for field in ("login", "address", "target", "by"):
        with pytest.raises(WrongEvent, match=field):
            validate(Event(Kind.REFUSED, NOW, {**EXAMPLES[Kind.REFUSED], field: FRED}))


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Kind.SIGN_IN, "service", "telnet"),
        (Kind.SIGN_IN, "service", None),
        (Kind.SIGN_IN, "login", None),
        (Kind.SIGN_IN, "login", "x" * 1_001),
        (Kind.SIGN_IN, "address", 7),
        (Kind.SIGN_IN, "outcome", "perhaps"),
        (Kind.REFUSED, "code", "7kqf2mxa"),
        (Kind.REFUSED, "code", "no code"),
        (Kind.REFUSED, "code", 7),
        (Kind.REFUSED, "reason", "weather"),
        (Kind.MAIL_ACCEPTED, "recipients", "a@b"),
        (Kind.MAIL_ACCEPTED, "recipients", ("a@b", 7)),
        (Kind.MAIL_ACCEPTED, "recipients", ("a@b",) * 1_001),
        (Kind.MAIL_ACCEPTED, "size", -1),
        (Kind.MAIL_ACCEPTED, "size", True),
        (Kind.LOCKED, "until", "2026-12-01T00:00:00"),
        (Kind.LOCKED, "until", "tomorrow"),
        (Kind.LOCKED, "until", 7),
        (Kind.CONSENT_GIVEN, "consent", "all"),
        (Kind.LESSON_BEGUN, "measure", "party"),
        (Kind.LESSON_BEGUN, "targets", ("x",) * 1_001),
        (Kind.WEB_USED, "outcome", "perhaps"),
        (Kind.WEB_USED, "way", "socks"),
        (Kind.WEB_USED, "requests", -1),
        (Kind.WEB_USED, "since", "2026-11-23T09:25:00"),
    ],
)
def test_wrong_values_are_refused_and_not_repeated(kind, field, value):
    with pytest.raises(WrongEvent) as caught:
        encode(Event(kind, NOW, {**EXAMPLES[kind], field: value}))
    assert str(caught.value) == f"{kind}: wrong or missing: {field}"


def test_web_use_has_no_room_for_what_was_asked_for():
    for field in ("url", "path", "query", "content", "title"):
        with pytest.raises(WrongEvent, match=f"no such field: {field}"):
            validate(Event(Kind.WEB_USED, NOW, {**EXAMPLES[Kind.WEB_USED], field: "/suche?q=x"}))


def test_a_missing_field_is_refused():
    with pytest.raises(WrongEvent, match="wrong or missing: by"):
        validate(Event(Kind.PASSWORD_RESET, NOW, {"login": FRED}))


def test_the_time_has_a_zone_and_is_kept_in_utc():
    assert Event(Kind.SETTINGS_CHANGED, NOW, {}).time.tzinfo is UTC
    with pytest.raises(WrongEvent, match="no zone"):
        encode(Event(Kind.SETTINGS_CHANGED, datetime(2026, 1, 1), {}))


def test_an_event_is_not_larger_than_a_datagram():
    large = {**EXAMPLES[Kind.MAIL_ACCEPTED], "recipients": ("x" * 1_000,) * 66}
    with pytest.raises(WrongEvent, match="more than 65536 bytes"):
        encode(Event(Kind.MAIL_ACCEPTED, NOW, large))
    with pytest.raises(WrongEvent, match="more than 65536 bytes"):
        decode(b" " * 65_537)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b"{}",
        b'{"kind":"sign-in"}',
        b'{"kind":"other","time":"2026-11-23T08:30:00+00:00"}',
        b'{"kind":"settings-changed","time":7}',
        b'{"kind":["settings-changed"],"time":"2026-11-23T08:30:00+00:00"}',
        b'{"kind":"settings-changed","time":"2026-11-23T08:30:00"}',
        b'{"kind":"settings-changed","time":"2026-11-23T08:30:00+00:00","by":[7]}',
        b"[" * 60_000,
    ],
)
def test_what_is_no_event_is_refused(data):
    with pytest.raises(WrongEvent):
        decode(data)


texts = st.text(max_size=30)
numbers = st.integers(0, 2**40)
fields = {
    Kind.SIGN_IN: st.fixed_dictionaries(
        {
            "service": st.sampled_from([str(service) for service in Service]),
            "login": texts,
            "outcome": st.sampled_from(["refused", "denied"]),
        },
        optional={"address": st.none() | texts},
    ),
    Kind.REFUSED: st.fixed_dictionaries(
        {
            "code": st.just("7KQF-2MXA"),
            "service": st.sampled_from(Service),
            "reason": st.sampled_from(Reason),
            "source": texts,
            "text": texts,
        }
    ),
    Kind.MAIL_ACCEPTED: st.fixed_dictionaries(
        {"login": texts, "recipients": st.lists(texts).map(tuple), "size": numbers, "message_id": texts}
    ),
    Kind.CONSENT_GIVEN: st.fixed_dictionaries(
        {"login": texts, "consent": st.sampled_from(Consent), "version": texts, "by": texts}
    ),
}
events = st.sampled_from(list(fields)).flatmap(
    lambda kind: st.builds(Event, st.just(kind), st.datetimes(timezones=st.just(UTC)), fields[kind])
)


@checked
@given(events)
def test_every_event_comes_back(event):
    data = encode(event)
    assert decode(data) == event
    assert b"\n" not in data
    assert b"\r" not in data
    json.loads(data)


@checked
@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_refused(data):
    try:
        event = decode(data)
    except WrongEvent:
        return
    assert decode(encode(event)) == event
