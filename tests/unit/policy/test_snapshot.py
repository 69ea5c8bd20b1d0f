"""A snapshot comes back as it was; a file that was cut, altered or is of another format is refused."""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy import snapshot as module
from appliance.policy.account import Consent, Group, GroupKind, Lock, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.limits import LimitRule, LimitTable
from appliance.policy.mailing import MailRules, RoleRules
from appliance.policy.owners import Binding
from appliance.policy.rules import Who
from appliance.policy.safe_search import Enforced, SearchRule
from appliance.policy.snapshot import BrokenSnapshot, Version, decode, encode, same_meaning
from appliance.policy.web import Verdict, WebRule
from appliance.policy.web_rules import WebRules

from .strategies import FRED, LESSONS, NOW, account, checked, rule, school, snapshots

FULL = school(
    rule(rooms=frozenset({"12"}), targets=("example.org",), schedule=LESSONS),
    accounts=(
        account(
            display_name="Frédéric Müßtermann",
            must_change=True,
            password_changed_at=NOW,
            locks=(Lock(None, NOW, None), Lock(Service.WEB, NOW, NOW + timedelta(days=1))),
            disabled=True,
            hidden=True,
            quota=10**9,
        ),
    ),
    groups={"klasse3a": Group("klasse3a", GroupKind.CLASS, 30001, "Klasse 3a")},
    consents_required={Service.MAIL: frozenset({Consent.ACCOUNT, Consent.LOGS})},
    limits=LimitTable(
        roles={Role.TEACHER: Limits(1, 2)},
        message_overhead=3,
        rules=(
            LimitRule("a", 1, None, service=Service.WEB, role=Role.PUPIL),
            LimitRule("b", None, 2, group="klasse3a", room="12"),
            LimitRule("c", 5, 5, login=FRED, until=NOW),
        ),
    ),
    mail=MailRules(
        roles={role: RoleRules(per_hour=7, bytes_per_hour=8) for role in Role},
        addresses={"sekretariat": Who(roles=frozenset({Role.OFFICE}), logins=frozenset({FRED}))},
        sends_outside=frozenset({Role.TEACHER}),
        receives_outside=frozenset({Role.OFFICE}),
    ),
    owners={
        "10.1.40.7": Binding(FRED, NOW, NOW + timedelta(hours=5)),
        "fd00:40::7": Binding(FRED, NOW, NOW + timedelta(days=1)),
    },
    web=WebRules(
        [
            WebRule(
                "web.yaml:3 rules[0]",
                Who(groups=frozenset({"klasse3a"})),
                Verdict.ONLY,
                frozenset({"learning"}),
                frozenset({"example.org"}),
                frozenset({"12"}),
                (ip_network("10.1.12.0/24"), ip_network("fd00:12::/64")),
                frozenset({"10.1.12.3"}),
                LESSONS,
            ),
        ]
    ),
    lessons=(
        Lesson(7, Measure.EXAM, NOW, NOW + timedelta(hours=1), "klasse3a", targets=("example.org",), log_on=True),
        Lesson(8, Measure.BLOCK, NOW, NOW + timedelta(hours=1), room="12"),
    ),
    safe_search=(SearchRule("web.yaml:4", Who(groups=frozenset({"klasse3a"})), frozenset(Enforced)),),
)
DATA = encode(FULL)


def framed(body: bytes, form: int = 5) -> bytes:
    """Give ``body`` in a frame that is in order."""
    head = f"schoolserver-snapshot {form} 1 1 mail {len(body)} ".encode()
    return head + sha256(head + body).hexdigest().encode() + b"\n" + body


def body_of(data: bytes) -> dict:
    return json.loads(data.partition(b"\n")[2])


def test_it_comes_back():
    assert decode(DATA) == FULL


@checked
@given(snapshots)
def test_any_snapshot_comes_back(snapshot):
    data = encode(snapshot)
    assert decode(data) == snapshot
    assert encode(decode(data)) == data


def test_the_first_line_says_what_it_is():
    head, _, body = encode(replace(FULL, version=Version(3, 12), audience="mail")).partition(b"\n")
    words = head.decode().split(" ")
    assert words[:6] == ["schoolserver-snapshot", "5", "3", "12", "mail", str(len(body))]
    assert len(words) == 7
    assert len(words[6]) == 64


def test_a_file_cut_anywhere_is_refused():
    for end in range(len(DATA)):
        with pytest.raises(BrokenSnapshot):
            decode(DATA[:end])


def test_a_file_with_any_bit_turned_is_refused():
    for place in range(len(DATA)):
        altered = bytearray(DATA)
        altered[place] ^= 1 << place % 8
        with pytest.raises(BrokenSnapshot):
            decode(bytes(altered))


@checked
@given(st.integers(0, len(DATA)), st.integers(0, len(DATA)), st.binary(max_size=9))
def test_a_file_with_any_part_replaced_is_refused(one, other, between):
    altered = DATA[: min(one, other)] + between + DATA[max(one, other) :]
    if altered != DATA:
        with pytest.raises(BrokenSnapshot):
            decode(altered)


@checked
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    with pytest.raises(BrokenSnapshot):
        decode(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the first line is not that of a snapshot"),
        (DATA.replace(b"schoolserver", b"school", 1), "the first line is not that of a snapshot"),
        (DATA[:-10], f"{len(DATA.partition(bytes([10]))[2]) - 10} bytes follow the first line"),
        (DATA.replace(b"schule.example", b"schule.examplf"), "the checksum does not fit"),
        (DATA.replace(b"snapshot 5 1 1 ", b"snapshot 5 1 2 "), "the checksum does not fit"),
        (framed(b"{}", form=6), "format 6 is not known here; known: 3, 4, 5"),
        (framed(b"{}"), "the content is not what its format says"),
    ],
)
def test_the_reason_says_what_is_wrong(data, reason):
    with pytest.raises(BrokenSnapshot) as caught:
        decode(data)
    assert caught.value.reason.startswith(reason)
    assert str(caught.value) == caught.value.reason


def test_this_format_and_at_most_the_two_before_are_read():
    assert module._FORMAT in module._READERS
    assert set(module._READERS) <= {module._FORMAT, module._FORMAT - 1, module._FORMAT - 2}


def test_the_formats_before_are_read():
    body = body_of(DATA)
    del body["web"], body["lessons"], body["safe_search"]
    former = decode(framed(json.dumps(body).encode(), form=4))
    assert former == replace(FULL, audience="mail", web=WebRules(), lessons=(), safe_search=())
    del body["owners"]
    former = decode(framed(json.dumps(body).encode(), form=3))
    assert former == replace(FULL, audience="mail", web=WebRules(), lessons=(), safe_search=(), owners={})


@pytest.mark.parametrize(
    "address", ["", "None", "here", "10.1.40.07", "::ffff:10.1.40.7", "FD00:40::7", "fd00:40:0::7"]
)
def test_an_address_in_another_way_than_it_is_looked_for_is_refused(address):
    body = body_of(DATA)
    body["owners"] = {address: body["owners"]["10.1.40.7"]}
    with pytest.raises(BrokenSnapshot):
        decode(framed(json.dumps(body).encode()))


def test_rules_of_mail_that_leave_a_role_out_are_refused():
    body = body_of(DATA)
    del body["mail"]["roles"]["office"]
    with pytest.raises(BrokenSnapshot):
        decode(framed(json.dumps(body).encode()))


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"null", b"\xff", b"{", b"[" * 100_000])
def test_content_that_is_no_object_is_refused(body):
    with pytest.raises(BrokenSnapshot):
        decode(framed(body))


def places(value, path=()):
    """Yield the path of each value inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*path, key)
        yield from places(part, (*path, key))


@pytest.mark.parametrize("wrong", [7.5, {"a": {"b": [None]}}], ids=["number", "object"])
@pytest.mark.parametrize("path", list(places(body_of(DATA))), ids=lambda path: ".".join(map(str, path)))
def test_a_value_of_another_type_is_refused(path, wrong):
    body = body_of(DATA)
    parent = body
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = wrong
    with pytest.raises(BrokenSnapshot):
        decode(framed(json.dumps(body).encode()))


def test_an_unknown_zone_or_a_network_with_host_bits_is_refused():
    for key, wrong in (("zone", "Europe/Atlantis"), ("rooms", {"12": ["10.1.12.3/24"]})):
        with pytest.raises(BrokenSnapshot):
            decode(framed(json.dumps({**body_of(DATA), key: wrong}).encode()))


def test_only_the_version_does_not_matter_to_the_meaning():
    assert same_meaning(FULL, replace(FULL, version=Version(9, 9)))
    assert not same_meaning(FULL, replace(FULL, audience="mail"))
    assert not same_meaning(FULL, replace(FULL, rules=()))
    assert same_meaning(FULL, decode(DATA))


def test_newer_versions_are_greater():
    assert Version(1, 9) < Version(1, 10) < Version(2, 0)
