"""A conversation in the words of the policy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.auth.client import Answer, Verdict
from appliance.fileshare.replies import Notice, Stage, notice, told
from appliance.fileshare.session import Ended, FilesSession, House
from appliance.fileshare.shares import Hall, locate
from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Consent, Group, GroupKind, Lock, Role, Service
from appliance.policy.decision import Limits, Reason, Rule
from appliance.policy.events import Kind, validate
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.limits import LimitTable
from appliance.policy.snapshot import Snapshot, Version
from appliance.session.obstacle import Hitch, Obstacle
from appliance.usage import weight

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FRED = Account("fred", 20001, Role.PUPIL, groups=("klasse3a",), password_changed_at=NOW - timedelta(days=3))


def snapshot(*accounts: Account) -> Snapshot:
    return Snapshot(
        Version(1, 1),
        "files",
        "schule.example",
        ZoneInfo("Europe/Berlin"),
        accounts={one.login: one for one in accounts},
        groups={"klasse3a": Group("klasse3a", GroupKind.CLASS, 30001)},
        rules=(AccessRule("access.yaml:1", frozenset(Service), Who(everyone=True), allow=True),),
        consents_required={Service.FILES: frozenset({Consent.ACCOUNT})} if accounts and accounts[0].consents else {},
        limits=LimitTable(Limits(1000, 2000)),
    )


@dataclass
class Around:
    """What a session stands on, and what it did."""

    snapshot: Snapshot | None = field(default_factory=lambda: snapshot(FRED))
    left: int | None = None
    events: list = field(default_factory=list)
    refusals: list = field(default_factory=list)
    ends: list = field(default_factory=list)

    def record(self, event):
        validate(event)
        self.events.append(event)

    def refuse(self, service, reason, rule):
        assert service is Service.FILES and rule.source and rule.text
        self.refusals.append(reason)
        return "7KQF-2MXA"

    def space_left(self, account):
        return self.left

    def refusal(self, account, more):
        over = self.left is not None and more > self.left
        return (Reason.OVER_QUOTA, Rule("quota", "so many bytes")) if over else None

    def session(self) -> FilesSession:
        house = House(
            snapshot=lambda: self.snapshot, journal=self, now=lambda: NOW, quota=self, translate=lambda text: text
        )
        return FilesSession(house, "10.1.12.7", self.ends.append)

    def signed_in(self) -> FilesSession:
        session = self.session()
        assert session.signed_in(Verdict(Answer.VERIFIED, "fred"), NOW) is session.visit
        return session


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.mark.parametrize(
    ("verdict", "reply"),
    [
        (Verdict(Answer.REFUSED, "fred"), "530 Login or password are wrong."),
        (Verdict(Answer.MUST_CHANGE, "fred", reason=Reason.MUST_CHANGE, code="7KQF-2MXA"), "530 Please set a password"),
        (Verdict(Answer.DENIED, "fred", reason=Reason.LOCKED, code="7KQF-2MXA"), "530 This account is locked. (code 7"),
        (Verdict(Answer.DENIED, "fred"), "530 Files are not open"),
        (Verdict(Answer.TRY_LATER, "fred"), "421 "),
        (Verdict(Answer.VERIFIED, "newer.than.snapshot"), "421 "),
    ],
)
def test_who_does_not_get_in(around: Around, verdict: Verdict, reply: str) -> None:
    session = around.session()
    assert str(session.signed_in(verdict, NOW)).startswith(reply)
    with pytest.raises(Ended):
        session.here()
    assert (session.store("/Home/x") or "").startswith("450")


def test_no_snapshot_is_try_later(around: Around) -> None:
    around.snapshot = None
    assert str(around.session().signed_in(Verdict(Answer.VERIFIED, "fred"), NOW)).startswith("421")


def test_our_snapshot_decides_too(around: Around) -> None:
    around.snapshot = snapshot(replace(FRED, must_change=True))
    session = around.session()
    assert str(session.signed_in(Verdict(Answer.VERIFIED, "fred"), NOW)).startswith("530 Please set")
    with pytest.raises(Ended):
        session.here()


def test_who_one_is_for_the_disk(around: Around) -> None:
    session = around.signed_in()
    person, shares = session.here()
    assert (person.uid, person.gid, person.groups) == (20001, 20001, (30001,))
    assert session.here()[1] is shares
    around.snapshot = snapshot(replace(FRED, groups=()))
    assert session.here()[0].groups == ()


def test_in_an_exam_there_is_the_home_alone(around: Around) -> None:
    session = around.signed_in()
    exam = Lesson(1, Measure.EXAM, NOW, NOW + timedelta(hours=1), "klasse3a")
    whole = around.snapshot
    assert whole is not None
    around.snapshot = replace(whole, lessons=(exam,))
    person, shares = session.here()
    assert (person.groups, dict(shares.groups), shares.staff) == ((), {}, None)
    assert locate(shares, "/") == Hall(("Home",))
    assert session.here()[1] is shares
    assert (session.fetch("/Groups/klasse3a/x", 1) or "").startswith("550 The folders of groups are closed during")
    assert session.fetch("/Home/x", 1) is None
    assert session.visit.recheck() is None and not around.ends, "what is at home can be handed in"
    around.snapshot = replace(whole, lessons=(replace(exam, since=NOW - timedelta(hours=1), until=NOW),))
    assert session.here()[0].groups == (30001,)


def test_a_name_takes_space_too(around: Around) -> None:
    """Else empty files and folders could be made without end, over quota as well."""
    session = around.signed_in()
    around.left = weight.LEAST
    assert session.store("/Home/x", 0) is None and session.make() is None and session.room(weight.LEAST)
    around.left -= 1
    assert not session.room(weight.LEAST)
    assert (session.store("/Home/x", 0) or "").startswith("552 There is not enough")
    assert (session.make() or "").startswith("552 There is not enough")
    assert session.store("/Home/x", 0, instead_of=weight.LEAST) is None


def test_the_limit_and_the_quota(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight, "LEAST", 0)
    session = around.signed_in()
    assert session.store("/Home/x") is None and session.largest == 1000
    assert session.store("/Home/x", 1000) is None
    assert (session.store("/Home/x", 1001) or "").startswith("552 The file is too large. (code 7KQF-2MXA)")
    assert session.too_large("/Home/x", 1001).startswith("552 The file is too large.")
    around.left = 300
    assert session.store("/Home/x") is None and session.largest == 300
    assert session.store("/Home/x", 800, instead_of=500) is None
    assert session.largest == 800
    assert session.too_large("/Home/x", 301).startswith("552 There is not enough")
    assert around.refusals[-1] is Reason.OVER_QUOTA
    assert session.fetch("/Home/x", 2000) is None
    assert (session.fetch("/Home/x", 2001) or "").startswith("550 The file is too large.")


def test_what_was_in_the_way_may_be_gone(around: Around) -> None:
    assert around.signed_in().too_large("/Home/x", 10).startswith("450")


@pytest.mark.parametrize(
    ("change", "reply", "reason"),
    [
        ({"disabled": True}, "421 This account is closed.", "disabled"),
        ({"must_change": True}, "421 Please set", "must-change"),
        ({"locks": (Lock(Service.FILES, NOW, None),)}, "421 This account is locked.", "locked"),
        ({"password_changed_at": NOW + timedelta(seconds=5)}, "421 The password was changed.", "password-changed"),
    ],
)
def test_what_ends_an_open_session(around: Around, change: dict, reply: str, reason: str) -> None:
    session = around.signed_in()
    around.snapshot = snapshot(replace(FRED, **change))
    assert session.visit.recheck() is None
    assert session.visit.recheck() is None
    assert len(around.ends) == 1 and around.ends[0].startswith(reply)
    ended = around.events[-1]
    assert ended.kind is Kind.SESSION_ENDED
    assert dict(ended.fields) == {"login": "fred", "service": "files", "reason": reason}
    with pytest.raises(Ended):
        session.here()


def test_what_does_not_end_it(around: Around) -> None:
    session = around.signed_in()
    until = NOW + timedelta(hours=1)
    around.snapshot = snapshot(replace(FRED, locks=(Lock(None, until, None), Lock(Service.MAIL, NOW, None))))
    assert session.visit.recheck() == until
    around.snapshot = None
    assert session.visit.recheck() is None
    assert around.ends == []


def test_what_is_recorded(around: Around) -> None:
    session = around.signed_in()
    session.stored("/Home/x", 7)
    session.fetched("/Home/" + "y" * 2000, 8)
    session.removed("/Home/x")
    assert [event.kind for event in around.events] == [Kind.FILE_STORED, Kind.FILE_FETCHED, Kind.FILE_REMOVED]
    assert all(event.fields["login"] == "fred" for event in around.events)


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("stage", list(Stage))
def test_every_refusal_has_a_reply(stage: Stage, reason: Reason) -> None:
    line = told(stage, Obstacle(reason, "7KQF-2MXA"), lambda text: text)
    assert line[:3].isdecimal() and line[0] in "45" and line.endswith("(code 7KQF-2MXA)") and "\r" not in line


@pytest.mark.parametrize("hitch", list(Hitch))
@pytest.mark.parametrize("stage", list(Stage))
def test_every_hitch_has_a_reply(stage: Stage, hitch: Hitch) -> None:
    line = told(stage, Obstacle(hitch), lambda text: text)
    assert line in {notice(which, lambda text: text) for which in Notice} and line[0] in "45"


@pytest.mark.parametrize("which", list(Notice))
def test_every_notice_is_a_reply(which: Notice) -> None:
    line = notice(which, lambda text: text)
    assert line[:3].isdecimal() and line[3] == " " and "\n" not in line
