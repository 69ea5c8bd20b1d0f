"""Whose open mail sessions must end."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network
from zoneinfo import ZoneInfo

from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Consent, Lock, Service
from appliance.policy.limits import LimitRule, LimitTable
from appliance.policy.schedule import Schedule, Window
from appliance.supervisor.compose import Known, compose
from appliance.supervisor.doors import Doors, why_ended
from appliance.supervisor.locks import KnownLock
from appliance.supervisor.people import GivenConsent
from tests.unit.supervisor.scenery import ANNA, FRED, NOW, PROBE, STAMP, directory, settings

CONSENTS = {
    number: tuple(GivenConsent(consent, "1", NOW, "carer") for consent in Consent) for number in range(20000, 20010)
}


def whole(*accounts, locks=None, consents=CONSENTS, rules=None):
    made = compose(directory(*accounts), Known(consents, locks or {}), settings())
    return made if rules is None else replace(made, rules=rules)


def locked(service=None, until=None, since=NOW):
    return {FRED.uid: (KnownLock(Lock(service, since, until), "x", "carer"),)}


def kicked(after, before=None, now=NOW):
    doors = Doors(Service.MAIL)
    assert doors.look(before or whole(), NOW) == frozenset()
    return doors.look(after, now)


def test_nothing_changed_nobody_must_go():
    assert kicked(whole()) == frozenset()


def test_a_lock_of_all_or_of_mail_ends_sessions_one_of_web_does_not():
    assert kicked(whole(locks=locked())) == {"fred.mustermann"}
    assert kicked(whole(locks=locked(Service.MAIL))) == {"fred.mustermann"}
    assert kicked(whole(locks=locked(Service.WEB))) == frozenset()


def test_a_disabled_a_removed_and_a_must_change_account_lose_theirs():
    assert kicked(whole(ANNA, replace(FRED, disabled=True))) == {"fred.mustermann"}
    assert kicked(whole(ANNA)) == {"fred.mustermann"}
    assert kicked(whole(ANNA, replace(FRED, must_change=True))) == {"fred.mustermann"}


def test_a_withdrawn_consent_ends_sessions():
    without = {number: given for number, given in CONSENTS.items() if number != FRED.uid}
    assert kicked(whole(consents=without)) == {"fred.mustermann"}


def test_a_newer_password_ends_sessions_an_older_stamp_does_not():
    assert kicked(whole(ANNA, replace(FRED, password_changed_at=NOW))) == {"fred.mustermann"}
    assert kicked(whole(ANNA, replace(FRED, password_changed_at=STAMP - timedelta(days=1)))) == frozenset()


def test_who_was_out_before_or_never_had_a_password_has_no_session():
    shut = whole(locks=locked())
    assert kicked(whole(ANNA), before=shut) == frozenset()
    fresh = whole(ANNA, replace(FRED, password_changed_at=None))
    assert kicked(whole(ANNA, replace(FRED, must_change=True, password_changed_at=NOW)), before=fresh) == frozenset()


def test_the_hidden_account_is_left_alone():
    assert kicked(whole(ANNA, FRED, replace(PROBE, password_changed_at=NOW))) == frozenset()


def test_a_lesson_that_ends_closes_the_door_by_itself():
    berlin = ZoneInfo("Europe/Berlin")
    lesson = Schedule(frozenset(range(7)), (Window(time(8), time(10)),), berlin)
    rule = AccessRule("access.yaml:1", frozenset({Service.MAIL}), Who(everyone=True), True, schedule=lesson)
    doors = Doors(Service.MAIL)
    snapshot = whole(rules=(rule,))
    assert doors.look(snapshot, NOW) == frozenset()
    ends = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert doors.next_change == ends
    assert doors.look(snapshot, ends) == {"fred.mustermann", "anna.lehmann"}


def test_a_lock_that_begins_later_is_looked_for_then():
    later = NOW + timedelta(hours=2)
    doors = Doors(Service.MAIL)
    snapshot = whole(locks=locked(since=later))
    assert doors.look(snapshot, NOW) == frozenset()
    assert doors.next_change == later
    assert doors.look(snapshot, later) == {"fred.mustermann"}


BERLIN = ZoneInfo("Europe/Berlin")
LESSON = Schedule(frozenset(range(7)), (Window(time(10), time(11)),), BERLIN)
BEGINS, ENDS = datetime(2026, 11, 23, 9, 0, tzinfo=UTC), datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ROOMS = {"12": (ip_network("10.1.12.0/24"),), "13": (ip_network("10.1.13.0/24"),)}
PUPILS, EVERYONE = Who(roles=frozenset({FRED.role})), Who(everyone=True)


def rule(allow, who=EVERYONE, rooms=(), schedule=None):
    return AccessRule("access.yaml:1", frozenset({Service.MAIL}), who, allow, frozenset(rooms), schedule=schedule)


def school(*rules, rooms=ROOMS, **more):
    return replace(whole(rules=rules, **more), rooms=rooms)


def test_a_room_that_is_closed_during_a_lesson_ends_the_sessions_of_whoever_may_be_in_it():
    doors = Doors(Service.MAIL)
    snapshot = school(rule(False, PUPILS, ["12"], LESSON), rule(True))
    assert doors.look(snapshot, NOW) == frozenset()
    assert doors.next_change == BEGINS
    assert doors.look(snapshot, BEGINS) == {"fred.mustermann"}
    assert doors.look(snapshot, BEGINS + timedelta(minutes=1)) == frozenset()
    assert doors.next_change == ENDS
    assert doors.look(snapshot, ENDS) == frozenset()


def test_what_is_open_in_a_room_only_ends_there_too():
    doors = Doors(Service.MAIL)
    snapshot = school(rule(True, rooms=["12"], schedule=LESSON))
    doors.look(snapshot, BEGINS)
    assert doors.next_change == ENDS
    assert doors.look(snapshot, ENDS) == {"fred.mustermann", "anna.lehmann"}


def test_a_rule_with_a_room_that_comes_or_goes_ends_what_it_closes():
    closed = school(rule(False, PUPILS, ["12"]), rule(True))
    assert kicked(closed, before=school(rule(True))) == {"fred.mustermann"}
    assert kicked(school(rule(True)), before=closed) == frozenset()
    assert kicked(school(), before=school(rule(True, rooms=["12"]))) == {"fred.mustermann", "anna.lehmann"}


def test_a_rule_about_a_room_of_another_service_ends_no_session():
    web = replace(rule(False, rooms=["12"]), services=frozenset({Service.WEB}))
    assert kicked(school(web, rule(True)), before=school(rule(True))) == frozenset()


def test_a_room_that_gets_other_networks_ends_what_may_be_outside_of_it_now():
    only_there = rule(True, rooms=["12"])
    moved = school(only_there, rooms={"12": ROOMS["13"]})
    assert kicked(moved, before=school(only_there)) == {"fred.mustermann", "anna.lehmann"}
    assert kicked(school(rule(True), rooms={}), before=school(rule(True))) == frozenset()


def test_a_withdrawn_consent_ends_sessions_in_rooms_too():
    rules = (rule(True, rooms=["12"]),)
    without = {number: given for number, given in CONSENTS.items() if number != FRED.uid}
    assert kicked(school(*rules, consents=without), before=school(*rules)) == {"fred.mustermann"}


def test_the_reason_for_which_a_session_ended_is_that_of_the_policy_or_the_password():
    def reason(after, now=NOW):
        return why_ended(after, Service.MAIL, "fred.mustermann", now)

    assert reason(whole(locks=locked())) == "locked"
    assert reason(whole(ANNA, replace(FRED, must_change=True))) == "must-change"
    assert reason(whole(ANNA)) == "unknown-account"
    assert reason(whole(ANNA, replace(FRED, password_changed_at=NOW - timedelta(seconds=3)))) == "password-changed"
    assert reason(whole()) == "bounds-changed"
    rule = AccessRule("access.yaml:1", frozenset({Service.MAIL}), Who(everyone=True), True, rooms=frozenset({"12"}))
    assert reason(replace(whole(rules=(rule,)), rooms={"12": ()})) == "not-open"


def bounded(*rules, quota=0, overhead=0):
    """Everybody with a quota, and rules about limits."""
    made = whole()
    accounts = {login: replace(account, quota=quota) for login, account in made.accounts.items()}
    return replace(made, accounts=accounts, limits=LimitTable(message_overhead=overhead, rules=rules))


def limit(upload, **more):
    return LimitRule("access.yaml:9", upload, None, login="fred.mustermann", **more)


BOTH = {"fred.mustermann", "anna.lehmann"}


def test_a_smaller_quota_ends_sessions_a_larger_one_does_not():
    assert kicked(bounded(quota=9), before=bounded(quota=10)) == BOTH
    assert kicked(bounded(quota=10**12), before=bounded()) == BOTH
    assert kicked(bounded(quota=11), before=bounded(quota=10)) == frozenset()
    assert kicked(bounded(), before=bounded(quota=10)) == frozenset()


def test_a_lower_limit_ends_sessions_a_higher_one_does_not():
    assert kicked(bounded(limit(500)), before=bounded(limit(600))) == {"fred.mustermann"}
    assert kicked(bounded(limit(600)), before=bounded(limit(500))) == frozenset()
    assert kicked(bounded(limit(5, service=Service.WEB)), before=bounded()) == frozenset()
    assert kicked(bounded(overhead=1), before=bounded(overhead=2)) == BOTH


def test_an_exemption_that_is_withdrawn_or_ends_takes_its_sessions_along():
    ends = NOW + timedelta(hours=1)
    exempt = bounded(limit(10**9, until=ends))
    assert kicked(bounded(), before=exempt) == {"fred.mustermann"}
    assert kicked(exempt, before=bounded()) == frozenset()
    doors = Doors(Service.MAIL)
    assert doors.look(exempt, NOW) == frozenset()
    assert doors.next_change == ends
    assert doors.look(exempt, ends) == {"fred.mustermann"}


def test_a_limit_of_a_room_that_is_lowered_or_gone_ends_sessions():
    large, small = (bounded(limit(size, room="12")) for size in (10**9, 10**8))
    assert kicked(small, before=large) == {"fred.mustermann"}
    assert kicked(bounded(), before=large) == {"fred.mustermann"}
    assert kicked(large, before=small) == frozenset()
