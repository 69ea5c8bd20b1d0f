"""A conversation in the words of the policy."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from appliance.auth.client import Answer, Verdict
from appliance.daemon.secret import Secret
from appliance.mail.head import Field
from appliance.mail.party import Delivery
from appliance.mail.session import MailSession, announced_size
from appliance.mail.wrong import Wrong
from appliance.policy.account import Lock, Role, Service
from appliance.policy.decision import Limits, Reason
from appliance.policy.events import Kind, validate
from appliance.policy.limits import LimitTable, encoded_size
from appliance.session.visit import Visit
from tests.unit.mail.houses import house_of


@dataclass
class Counted:
    """Recipients, or KiB, by account; all of them are free again in 20 minutes."""

    added: dict = field(default_factory=dict)

    def in_last_hour(self, uid, now):
        return self.added.get(uid, 0)

    def free_at(self, uid, count, most, now):
        return now + timedelta(minutes=20) if count <= most else None

    def add(self, uid, count, now):
        self.added[uid] = self.in_last_hour(uid, now) + count


@dataclass
class Spooled:
    """What waits to go outside, in bytes."""

    most: int = 10_000
    waits: int = 0

    def refuses(self, more):
        return self.waits + more > self.most

    def take(self, amount):
        self.waits += amount

    def placed(self, amount): ...


@dataclass
class Around:
    """What a session stands on, and what it did."""

    snapshot: object
    now: object
    verdict: Verdict
    events: list = field(default_factory=list)
    refusals: list = field(default_factory=list)
    ends: list = field(default_factory=list)
    used: dict = field(default_factory=dict)
    recipients_max: int = 3
    spool: Spooled = field(default_factory=lambda: Spooled())
    hours: Counted = field(default_factory=lambda: Counted())
    weights: Counted = field(default_factory=lambda: Counted())

    async def verify(self, service, login, password, address):
        assert (service, address) == (Service.MAIL, "10.1.12.7")
        assert isinstance(password, Secret)
        return self.verdict

    def record(self, event):
        validate(event)
        self.events.append(event)

    def refuse(self, service, reason, rule):
        assert service is Service.MAIL and rule.source and rule.text
        self.refusals.append(reason)
        return "7KQF-2MXA"

    def of(self, uid):
        return self.used.get(uid, 0)

    def add(self, uid, amount):
        self.used[uid] = self.of(uid) + amount

    def session(self) -> MailSession:
        house = house_of(
            self,
            spool=self.spool,
            hours=self.hours,
            weights=self.weights,
            device_hours=self.hours,
            device_weights=self.weights,
            recipients_max=self.recipients_max,
            now=lambda: self.now,
        )
        return MailSession(house, "10.1.12.7", self.ends.append)

    def signed_in(self, login: str = "fred") -> MailSession:
        self.verdict = replace(self.verdict, login=login)
        session = self.session()
        assert asyncio.run(session.sign_in(login, Secret("x"))) is session.visit
        return session


@pytest.fixture
def around(make_snapshot, new_account, now):
    snapshot = make_snapshot(
        new_account("fred", password_changed_at=now - timedelta(days=3)),
        new_account("frida", Role.TEACHER),
        new_account("gina"),
        new_account("gone", disabled=True),
        new_account("ada", Role.ADMIN),
    )
    return Around(snapshot, now, Verdict(Answer.VERIFIED, "fred"))


def sign_in(around: Around, **verdict) -> Visit | str:
    around.verdict = replace(around.verdict, **verdict)
    return asyncio.run(around.session().sign_in("Fred@schule.example", Secret("x")))


def test_sign_in(around) -> None:
    assert isinstance(sign_in(around), Visit)
    assert sign_in(around, answer=Answer.REFUSED).startswith("535 5.7.8 ")
    assert sign_in(around, answer=Answer.TRY_LATER).startswith("454 4.7.0 ")
    must = sign_in(around, answer=Answer.MUST_CHANGE, reason=Reason.MUST_CHANGE, code="AAAA-BBBB")
    assert must.startswith("535 5.7.12 ") and must.endswith("(code AAAA-BBBB)")
    denied = sign_in(around, answer=Answer.DENIED, reason=Reason.CONSENT_MISSING, code="AAAA-BBBB")
    assert denied.startswith("535 5.7.1 ") and denied.endswith("(code AAAA-BBBB)")


def test_an_account_that_our_snapshot_does_not_know_yet_is_asked_to_come_again(around) -> None:
    assert sign_in(around, login="newest").startswith("454 4.7.0 ")
    around.snapshot = None
    assert sign_in(around).startswith("454 4.7.0 ")


def test_our_own_snapshot_decides_too(around, new_account, make_snapshot, now) -> None:
    around.snapshot = make_snapshot(new_account("fred", locks=(Lock(Service.MAIL, now, None),)))
    refused = sign_in(around)
    assert refused.startswith("535 5.7.13 ") and refused.endswith("(code 7KQF-2MXA)")
    assert around.refusals == [Reason.LOCKED]


def test_nothing_goes_without_a_sign_in(around) -> None:
    session = around.session()
    assert session.sender("fred@schule.example", None).startswith("451 4.3.0 ")
    assert session.recipient("frida@schule.example").startswith("451 4.3.0 ")


def test_sender(around) -> None:
    session = around.signed_in()
    assert session.sender("FRED@schule.example", None) is None
    assert session.largest == encoded_size(1000) + 500
    assert session.sender("fred@schule.example", session.largest) is None
    assert session.sender("fred@schule.example", session.largest + 1).startswith("552 5.3.4 ")
    for foreign in ("frida@schule.example", "", "<>", "fred@elsewhere.example"):
        assert session.sender(foreign, None).startswith("550 5.7.1 ")
    assert around.refusals == [Reason.TOO_LARGE] + [Reason.FOREIGN_SENDER] * 4


def test_the_shown_name_is_the_newest_snapshots(around, new_account, make_snapshot) -> None:
    session, fields = around.signed_in(), (Field("from", b"fred@schule.example", b"From: fred@schule.example"),)
    assert session.head(fields) == b"From: fred@schule.example\r\n\r\n"
    around.snapshot = make_snapshot(new_account("fred", display_name="Fred Mustermann"), counter=2)
    assert session.head(fields) == b"From: Fred Mustermann <fred@schule.example>\r\n\r\n"


def test_the_servers_own_probe_is_known(around, new_account, make_snapshot) -> None:
    """Its letters come every few seconds and would fill the journal."""
    session = around.signed_in()
    assert not session.probing
    around.snapshot = make_snapshot(new_account("fred", hidden=True), counter=2)
    assert session.probing
    assert not around.session().probing


def test_recipients(around) -> None:
    session = around.signed_in()
    session.sender("fred@schule.example", None)
    assert session.recipient("frida@schule.example") is None
    assert session.recipient("FRIDA@schule.example") is None
    assert session.recipient("x@elsewhere.example").startswith("550 5.7.1 ")
    assert session.recipient("nobody@schule.example").startswith("550 5.1.1 ")
    assert session.recipient("gone@schule.example").startswith("550 5.2.1 ")
    assert session.recipient("postmaster") is None
    assert session.whole(10).logins == ("frida", "ada")
    assert session.recipient("gina@schule.example").startswith("452 4.5.3 ")
    session.sender("fred@schule.example", None)
    assert session.whole(10).logins == ()


def test_the_head_and_the_whole(around) -> None:
    session = around.signed_in()
    session.sender("fred@schule.example", None)
    assert session.recipient("frida@schule.example") is None
    assert isinstance(session.head((Field("from", b"fred@schule.example"),)), bytes)
    assert session.head((Field("from", b"frida@schule.example"),)).startswith("550 5.7.1 ")
    assert session.head(()).startswith("550 5.6.0 ")
    assert session.malformed(Wrong.NUL).startswith("550 5.6.0 ")
    assert session.whole(10) == Delivery(("frida",))
    assert session.whole(10_000).startswith("552 5.3.4 ")
    assert session.too_large(10_000).startswith("552 5.3.4 ")
    assert session.too_large(10).startswith("451 4.3.0 ")  # the limit was raised while it came


def test_what_is_stored_is_recorded(around) -> None:
    session = around.signed_in()
    session.sender("fred@schule.example", None)
    session.recipient("frida@schule.example")
    assert isinstance(session.whole(99), Delivery)
    assert session.accepted("7f3a", 99) == "250 2.0.0 The message is stored as 7f3a."
    event = around.events[-1]
    assert event.kind is Kind.MAIL_ACCEPTED
    assert event.fields == {
        "login": "fred",
        "sender": None,
        "recipients": ("frida",),
        "size": 99,
        "message_id": "7f3a",
    }


@pytest.fixture
def tight(around, make_snapshot, new_account):
    """Frida and two administrators have 1,000 bytes each; Frida has used 900 of them."""
    around.snapshot = make_snapshot(
        new_account("fred"),
        new_account("frida", Role.TEACHER, uid=1, quota=1_000),
        new_account("ada", Role.ADMIN, uid=2, quota=1_000),
        new_account("bea", Role.ADMIN, uid=3, quota=1_000),
        new_account("gina", uid=4),
    )
    around.used = {1: 900, 2: 1_000, 4: 10**12}
    return around


def test_a_full_mailbox_takes_no_mail_that_does_not_fit(tight) -> None:
    session = tight.signed_in()
    session.sender("fred@schule.example", 100)
    assert session.recipient("frida@schule.example") is None
    assert session.whole(101).startswith("452 4.2.2 ")
    assert session.whole(100) == Delivery(("frida",))
    session.accepted("7f3a", 100)
    session.sender("fred@schule.example", 1)
    assert session.recipient("frida@schule.example").startswith("452 4.2.2 ")
    assert tight.refusals == [Reason.OVER_QUOTA] * 2
    assert session.recipient("gina@schule.example") is None  # has no bound


def test_who_announces_sizes_learns_nobodys_room_to_the_byte(around, make_snapshot, new_account) -> None:
    mib = 1024 * 1024
    around.snapshot = replace(
        make_snapshot(new_account("fred"), new_account("frida", uid=1, quota=9 * mib)),
        limits=LimitTable(Limits(20 * mib, 20 * mib)),
    )
    around.used = {1: 6 * mib + 500}
    session = around.signed_in()
    replies = []
    for size in (2 * mib, 3 * mib - 501, 3 * mib - 1, 3 * mib, 9 * mib, 10 * mib - 1, 10 * mib):
        session.sender("fred@schule.example", size)
        replies.append((session.recipient("frida@schule.example") or "250")[:3])
    assert replies == ["250", "250", "250", "452", "452", "452", "552"]


def test_messages_that_end_at_once_do_not_get_the_same_room(tight) -> None:
    sessions = [tight.signed_in() for _ in range(3)]
    for session in sessions:
        session.sender("fred@schule.example", None)
        session.recipient("frida@schule.example")
    assert sessions[0].whole(60) == Delivery(("frida",))
    assert sessions[1].whole(60).startswith("452 4.2.2 ")
    sessions[0].lost()
    assert tight.used[1] == 900
    assert sessions[2].whole(60) == Delivery(("frida",))
    sessions[2].accepted("7f3a", 75)
    assert tight.used[1] == 975


def test_a_message_that_turns_out_too_large_for_a_mailbox_is_refused(tight) -> None:
    session = tight.signed_in()
    session.sender("fred@schule.example", None)
    assert session.recipient("frida@schule.example") is None
    assert session.whole(101).startswith("452 4.2.2 ")
    assert session.whole(1_001).startswith("552 5.2.2 ")


def test_what_is_stored_counts_in_full_for_each_recipient(tight) -> None:
    session = tight.signed_in()
    session.sender("fred@schule.example", 50)
    session.recipient("frida@schule.example")
    session.recipient("gina@schule.example")
    session.whole(60)
    session.accepted("7f3a", 60)
    assert (tight.used[1], tight.used[4]) == (960, 10**12 + 60)


def test_postmaster_goes_to_those_who_have_room(tight) -> None:
    session = tight.signed_in()
    session.sender("fred@schule.example", 5)
    assert session.recipient("postmaster") is None
    assert session.whole(5).logins == ("bea",)
    tight.used[3] = 1_000
    session.sender("fred@schule.example", 5)
    assert session.recipient("postmaster").startswith("452 4.2.2 ")


def test_a_lock_ends_the_open_session_once(around, new_account, make_snapshot, now) -> None:
    session = around.signed_in()
    assert session.visit.recheck() is None and around.ends == []
    around.snapshot = make_snapshot(new_account("fred", locks=(Lock(None, now, None),)), counter=2)
    session.visit.recheck()
    session.visit.recheck()
    assert len(around.ends) == 1
    assert around.ends[0].startswith("421 4.7.0 ")
    assert around.events[-1].kind is Kind.SESSION_ENDED
    assert around.events[-1].fields["reason"] == "locked"
    assert session.sender("fred@schule.example", None).startswith("451 ")


def test_must_change_and_a_removed_account_end_it_too(around, new_account, make_snapshot) -> None:
    for accounts in ([new_account("fred", must_change=True)], []):
        session = around.signed_in()
        before, around.snapshot = around.snapshot, make_snapshot(*accounts, counter=2)
        session.visit.recheck()
        around.snapshot = before
    assert len(around.ends) == 2


def test_a_lock_that_comes_is_known_beforehand(around, new_account, make_snapshot, now) -> None:
    later = now + timedelta(minutes=5)
    around.snapshot = make_snapshot(new_account("fred", locks=(Lock(Service.MAIL, later, None),)))
    session = around.signed_in()
    assert session.visit.recheck() == later
    around.now = later
    session.visit.recheck()
    assert around.ends


@pytest.mark.parametrize(
    ("changed_after", "ends"),
    [
        (timedelta(seconds=-1), False),
        (timedelta(milliseconds=-400), True),
        (timedelta(), True),
        (timedelta(seconds=9), True),
    ],
)
def test_a_password_changed_after_the_sign_in_ends_it(around, changed_after, ends: bool) -> None:
    """Stamps have whole seconds; one of the second of the sign-in is taken for later."""
    around.now += timedelta(milliseconds=500)
    session = around.signed_in()
    fred = replace(around.snapshot.accounts["fred"], password_changed_at=around.now + changed_after)
    around.snapshot = replace(around.snapshot, accounts={**around.snapshot.accounts, "fred": fred})
    session.visit.recheck()
    assert bool(around.ends) is ends


def test_a_missing_snapshot_ends_nothing(around) -> None:
    session = around.signed_in()
    around.snapshot = None
    assert session.visit.recheck() is None
    assert around.ends == []


def test_the_announced_size_is_that_of_the_role_with_the_largest(around) -> None:
    assert announced_size(around.snapshot) == encoded_size(3000) + 500
    assert announced_size(None) is None
