"""Who brings mail from outside: what it may hand in, and what waits may leave."""

import base64
import contextlib
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.head import Malformed, read_fields
from appliance.mail.outside.inbound import HOPS, Relay, relay_at
from appliance.mail.outside.leave import Leave, leave
from appliance.mail.outside.shown import Ambiguous, readings
from appliance.policy.account import Lock, Role
from appliance.policy.decision import Allow, Reason
from appliance.policy.mailing import MailRules
from appliance.policy.reach import Reached, Refused
from appliance.session.obstacle import Hitch, Obstacle
from tests.unit.mail.houses import house_of

RELAYS = (ip_network("192.0.2.24/31"), ip_network("2001:db8::25"))
FROM = b"From: Mama <mama@home.example>\r\n"
OPEN = MailRules(sends_outside=frozenset({Role.TEACHER}), receives_outside=frozenset({Role.TEACHER}))


class Around:
    """A snapshot, and nobody who remembers anything."""

    def __init__(self, snapshot) -> None:
        self.snapshot = snapshot
        self.house = house_of(self)

    def refuse(self, _service, _reason, _rule) -> str:
        return "7KQF-2MXA"


@pytest.fixture
def around(make_snapshot, new_account) -> Around:
    snapshot = make_snapshot(new_account("fred"), new_account("frida", Role.TEACHER), new_account("ada", Role.ADMIN))
    return Around(replace(snapshot, mail=OPEN))


@pytest.fixture
def relay(around) -> Relay:
    return Relay(around.house)


@pytest.mark.parametrize(
    ("address", "known"),
    [("192.0.2.25", True), ("192.0.2.26", False), ("2001:db8::25", True), ("2001:db8::26", False), ("", False)],
)
def test_it_is_known_by_its_address(around, address, known) -> None:
    assert (relay_at(around.house, RELAYS, address) is not None) == known


def test_it_may_send_what_the_widest_limit_lets_in(around, relay) -> None:
    assert isinstance(relay.may(4500), Allow) and isinstance(relay.may(None), Allow)
    assert relay.may(10**9) == Obstacle(Reason.TOO_LARGE, "7KQF-2MXA")
    around.snapshot = None
    assert relay.may(1) == Obstacle(Hitch.LATER) and isinstance(relay.reach("frida@schule.example"), Refused)


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("", True),
        ("mama@home.example", True),
        ("a@notschule.example", True),
        ("a@schule.example.org", True),
        ("frida@schule.example", False),
        ("frida@SCHULE.example.", False),
        ("x@pc.schule.example", False),
        ("not an address", False),
    ],
)
def test_it_writes_as_nobody_of_the_school(relay, address, may) -> None:
    assert relay.sends_as(address) == may


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("frida@schule.example", ("frida",)),
        ("postmaster@schule.example", ("ada",)),
        ("fred@schule.example", Reason.UNKNOWN_RECIPIENT),
        ("nobody@schule.example", Reason.UNKNOWN_RECIPIENT),
        ("mama@home.example", Reason.OUTSIDE_RECIPIENT),
    ],
)
def test_it_writes_to_those_whose_role_hears_of_the_outside(relay, address, expected) -> None:
    found = relay.reach(address)
    assert (found.logins if isinstance(found, Reached) else found.reason) == expected


def test_the_head_stays_but_for_what_is_ours_to_say(relay) -> None:
    head = (
        b"Return-Path: <x@y>\r\nReceived: from pc\r\n by mx\r\nDelivered-To: frida@schule.example\r\n"
        b"Authentication-Results: (;) schule.example\t1; spf=pass\r\n"
        b"Authentication-Results: mx.town.example; spf=pass\r\n"
        b"DKIM-Signature: v=1\r\nX-School-Seal: 1\r\n" + FROM
    )
    assert relay.head(read_fields(head)) == (
        b"Received: from pc\r\n by mx\r\nAuthentication-Results: mx.town.example; spf=pass\r\nDKIM-Signature: v=1\r\n"
        + FROM
        + b"\r\n"
    )


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"Subject: x\r\n", Reason.MALFORMED),
        (FROM * 2, Reason.MALFORMED),
        (b"From: nobody\r\n", Reason.MALFORMED),
        (FROM + (b"Sender: a@" + b"b" * 1900 + b"\r\n") * 3, Reason.MALFORMED),
        (b"From: " + b"@a." * 700 + b"\r\n", Reason.MALFORMED),
        (b"Received: x\r\n" * (HOPS + 1) + FROM, Reason.LOOP),
        (b"From: frida@schule.example\r\n", Reason.FOREIGN_SENDER),
        (FROM + b"Sender: Frida <frida@Schule.Example>\r\n", Reason.FOREIGN_SENDER),
        (b"From: =?utf-8?b?" + base64.b64encode(b"frida@schule.example") + b"?= <x@y.z>\r\n", Reason.FOREIGN_SENDER),
        ("From: frida\uff20schule.example <x@y.z>\r\n".encode(), Reason.FOREIGN_SENDER),
        ("From: frida@schule\u3002example <x@y.z>\r\n".encode(), Reason.FOREIGN_SENDER),
        ("From: frida@schu\u00adle.example <x@y.z>\r\n".encode(), Reason.FOREIGN_SENDER),
        (b"From: frida(x(y))@(z) schule . example <x@y.z>\r\n", Reason.FOREIGN_SENDER),
    ],
)
def test_a_head_that_is_refused(relay, head, reason) -> None:
    assert relay.head(read_fields(head)) is reason


@given(st.binary(max_size=300))
def test_any_sender_has_readings_or_is_refused(value) -> None:
    with contextlib.suppress(Malformed, Ambiguous):
        assert len(readings(value.replace(b"\r", b"").replace(b"\n", b""))) == 6


@pytest.mark.parametrize("word", ["utf-8?q?=FF", "x-none?q?a", "utf-8?b?a", "unicode-1-1-utf-8?q?a", "utf-8?q?a?b"])
def test_one_word_that_cannot_be_read_hides_no_other(relay, word) -> None:
    head = f"From: =?{word}?= =?utf-8?q?frida=40schule.example?= <x@evil.example>\r\n".encode()
    assert relay.head(read_fields(head)) is Reason.MALFORMED


@pytest.mark.parametrize(
    "shown",
    [
        "=?utf-8*de?q?frida=40schule.example?=",
        "=?utf-8?q?frida=40sch?= =?utf-8?q?ule.example?=",
        "=?utf-8?q?frida=40sch?=\t=?us-ascii?b?dWxlLmV4YW1wbGU=?=",
        "=?utf-7?q?frida+AEA-schule.example?=",
        *(f"frida@schule{hidden}.example" for hidden in "\u034f\u115f\u3164\ufe0f\u2800\u200b\u00ad"),
        "frida@schule.ex\u0430mple",
        "frida@ \u200b schule.example",
        '"(" frida@(x)schule.example ")"',
        "fri(((x)))da@schule.example",
        '"frida\\@schule.example"',
        "frida@[schule.example]",
    ],
)
def test_whatever_is_shown_as_the_schools_is_refused(relay, shown) -> None:
    head = f"From: {shown} <x@evil.example>\r\n".encode()
    assert relay.head(read_fields(head)) is Reason.FOREIGN_SENDER


@pytest.mark.parametrize(
    "shown",
    [
        "Anna M\u00fcller (Stadt)",
        "=?utf-8?q?M=C3=BCller=2C_Anna_:-(?=",
        "=?utf-8?b?w7w=?= =?iso-8859-1?q?=FC?=",
        "=?utf-8?b?Qcw=?= =?utf-8?b?iA==?=",
        '"Anna (Stadt), Dr."',
        '"mama@home.example"',
        "Gr\u00f6\u00dfe",
        "",
    ],
)
def test_people_outside_are_called_as_they_like(relay, shown) -> None:
    head = f"From: {shown}<mama@home.example>\r\n".encode()
    assert relay.head(read_fields(head)) == head + b"\r\n"


@pytest.mark.parametrize("part", ["(", "(a", ")", '"', "(" * 6 + ")" * 6, "=?utf-8?q?a"])
def test_a_sender_without_an_end_is_malformed(relay, part) -> None:
    assert relay.head(read_fields(f"From: {part} <x@y.example>\r\n".encode())) is Reason.MALFORMED


def test_what_waits_may_leave_while_its_sender_may_write(around, now) -> None:
    snapshot = around.snapshot
    assert [leave(snapshot, login, now) for login in ("frida", "fred", "gone")] == [Leave.GO, Leave.NEVER, Leave.NOBODY]
    assert leave(None, "frida", now) is Leave.WAIT

    def changed(**fields) -> Leave:
        frida = replace(snapshot.accounts["frida"], **fields)
        return leave(replace(snapshot, accounts={"frida": frida}), "frida", now)

    assert changed(locks=(Lock(None, now - timedelta(hours=1), None),)) is Leave.WAIT
    assert changed(disabled=True) is Leave.NEVER and changed(consents=frozenset()) is Leave.NEVER
