"""What a guest may do: rules, ports, categories, addresses, limits, and what becomes of open sessions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Lock, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.events import Kind, validate
from appliance.policy.limits import LimitTable
from appliance.policy.request import Action
from appliance.policy.snapshot import Snapshot, Version
from appliance.proxy.filter import Lists
from appliance.proxy.replies import Cause, Refused
from appliance.proxy.session import Closed, Gate, Passed, WebSession, Wish
from appliance.proxy.sign_in import Guest
from appliance.proxy.target import Where

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FRED = Account("fred", 1, Role.PUPIL, password_changed_at=NOW - timedelta(days=9))
MARIA = Account("maria", 2, Role.TEACHER)
PROBE = Account("probe", 3, Role.STAFF, hidden=True)
OPEN = AccessRule("access.yaml modules.web", frozenset({Service.WEB}), Who(everyone=True), allow=True)
LISTS = Lists({"games": ["spiele.example"], "adult": ["schlecht.example"]})
INTRANET = Where("10.1.0.7", 8080)


class School:
    def __init__(self):
        self.events, self.refusals = [], []
        self.snapshot = Snapshot(
            Version(1, 1),
            "web",
            "schule.example",
            ZoneInfo("Europe/Berlin"),
            {one.login: one for one in (FRED, MARIA, PROBE)},
            rules=(OPEN,),
            limits=LimitTable(Limits(100, 200)),
        )
        closed = Closed(LISTS, {Role.PUPIL: frozenset({"games", "adult"})}, frozenset({"gut.spiele.example"}))
        self.gate = Gate(lambda: self.snapshot, self, replace(closed, exceptions=frozenset({INTRANET})), lambda: NOW)

    def record(self, event):
        validate(event)
        self.events.append(event)

    def refuse(self, service, reason, rule):
        assert service is Service.WEB
        self.refusals.append((reason, rule))
        return "CODE"

    def change(self, account):
        self.snapshot = replace(self.snapshot, accounts={**self.snapshot.accounts, account.login: account})

    def judge(self, host="example.org", port=80, login="fred", tunnel=False, action=Action.FETCH, size=None):
        return self.gate.judge(self.wish(host, port, login, tunnel, action, size))

    @staticmethod
    def wish(host="example.org", port=80, login="fred", tunnel=False, action=Action.FETCH, size=None):
        guest = Guest(login, NOW, FRED.password_changed_at)
        return Wish(guest, Where(host, port), tunnel, action, "10.1.0.9", size)


@pytest.fixture
def school():
    return School()


def test_what_is_open(school):
    assert school.judge() == Passed(Limits(100, 200), False, None)
    assert isinstance(school.judge(port=443), Passed)
    assert isinstance(school.judge(port=443, tunnel=True), Passed)
    assert school.refusals == []


@pytest.mark.parametrize(("port", "tunnel"), [(80, True), (22, True), (8443, True), (8080, False), (25, False)])
def test_other_ports_are_closed(port, tunnel, school):
    assert school.judge(port=port, tunnel=tunnel) == Refused(Cause.PORT, "CODE")


def test_exceptions_are_named_with_their_port(school):
    for tunnel in (False, True):
        passed = school.judge("10.1.0.7", 8080, tunnel=tunnel)
        assert isinstance(passed, Passed)
        assert passed.inside
    passed = school.judge("10.1.0.7", 80)
    assert isinstance(passed, Passed)
    assert not passed.inside


def test_categories(school):
    assert school.judge("www.spiele.example") == Refused(Cause.CATEGORY, "CODE")
    assert school.judge("schlecht.example", 443, tunnel=True) == Refused(Cause.CATEGORY, "CODE")
    assert isinstance(school.judge("gut.spiele.example"), Passed)
    assert isinstance(school.judge("www.spiele.example", login="maria"), Passed)
    assert "fred" not in str(school.refusals)
    assert "spiele.example" not in str(school.refusals)


def test_only_the_probe_reaches_the_machine_itself(school):
    assert school.judge("127.0.0.1", 12345, "probe").inside
    assert school.judge("127.0.0.1", 12345, "fred").cause is Cause.PORT
    assert school.judge("10.1.0.1", 12345, "probe").cause is Cause.PORT


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"disabled": True}, Cause.DISABLED),
        ({"must_change": True}, Cause.MUST_CHANGE),
        ({"locks": (Lock(Service.WEB, NOW, None),)}, Cause.LOCKED),
    ],
)
def test_the_policy_decides(changes, cause, school):
    school.change(replace(FRED, **changes))
    assert school.judge() == Refused(cause, "CODE")


def test_no_snapshot_is_a_temporary_failure(school):
    school.snapshot = None
    assert school.judge() == Refused(Cause.LATER)


def test_sizes(school):
    assert school.judge(action=Action.WRITE, size=101) == Refused(Cause.UPLOAD_TOO_LARGE, "CODE")
    assert isinstance(school.judge(action=Action.WRITE, size=100), Passed)
    assert school.gate.too_large(school.wish(), Action.FETCH, 201) == Refused(Cause.TOO_LARGE, "CODE")
    assert school.gate.too_large(school.wish(), Action.FETCH, 200) is None


class Open:
    def __init__(self, school, **wish):
        self.ended, self.limits = [], []
        self.session = WebSession(school.gate, school.wish(**wish), self.ended.append, self.limits.append)


def test_an_open_session_goes_on_and_learns_its_limits(school):
    opened = Open(school)
    school.snapshot = replace(school.snapshot, limits=LimitTable(Limits(1, 2)))
    assert opened.session.recheck() is None
    assert opened.limits == [Limits(1, 2)]
    assert opened.ended == []


def test_a_lock_ends_an_open_session_once(school):
    opened = Open(school)
    school.change(replace(FRED, locks=(Lock(None, NOW, None),)))
    opened.session.recheck()
    opened.session.recheck()
    assert opened.ended == [Refused(Cause.LOCKED, "CODE")]
    assert [event.kind for event in school.events] == [Kind.SESSION_ENDED]


def test_a_later_lock_is_told_in_time(school):
    opened = Open(school)
    at = NOW + timedelta(hours=1)
    school.change(replace(FRED, locks=(Lock(None, at, None),)))
    assert opened.session.recheck() == at


def test_a_new_password_ends_it_but_not_the_one_that_was_checked(school):
    opened = Open(school)
    school.change(replace(FRED, password_changed_at=NOW - timedelta(seconds=5)))
    opened.session.recheck()
    assert opened.ended == []
    school.change(replace(FRED, password_changed_at=NOW + timedelta(seconds=5)))
    opened.session.recheck()
    assert opened.ended == [Refused(Cause.PASSWORD_CHANGED)]


def test_a_temporary_failure_and_a_new_list(school):
    opened = Open(school, host="neu.example")
    before, school.snapshot = school.snapshot, None
    assert opened.session.recheck() is None
    assert opened.ended == []
    school.snapshot = before
    school.gate.closed = replace(school.gate.closed, lists=Lists({"games": ["neu.example"]}))
    opened.session.recheck()
    assert opened.ended == [Refused(Cause.CATEGORY, "CODE")]
