"""Directory, state and settings become one snapshot."""

from dataclasses import replace
from datetime import timedelta

from appliance.policy.account import Consent, Lock, Role, Service
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.owners import Binding
from appliance.policy.snapshot import same_meaning
from appliance.supervisor.compose import Known, compose, next_end
from appliance.supervisor.devices import Device
from appliance.supervisor.lessons import KnownLesson
from appliance.supervisor.limits import Exemption
from appliance.supervisor.locks import KnownLock
from appliance.supervisor.people import GivenConsent
from appliance.supervisor.quotas import KnownQuota
from tests.unit.supervisor.scenery import ANNA, FRED, NOW, PROBE, account, directory, settings


def lock(service=None, until=None):
    return KnownLock(Lock(service, NOW, until), "phone in class", "carer")


def test_what_the_directory_says_is_there():
    whole = compose(directory(), Known(), settings())
    fred = whole.accounts["fred.mustermann"]
    assert (fred.uid, fred.role, fred.groups) == (20001, Role.PUPIL, ("klasse3a",))
    assert whole.accounts["schoolserver-probe"].hidden
    assert whole.groups["klasse3a"].title == "3a"
    assert whole.domain == settings().school.domain
    assert whole.rules == settings().access.rules
    assert whole.web == settings().web_rules
    assert whole.web


def test_consents_and_locks_are_joined_by_number_not_by_login():
    known = Known({FRED.uid: (GivenConsent(Consent.LOGS, "2026", NOW, "carer"),)}, {FRED.uid: (lock(),)})
    fred = compose(directory(), known, settings()).accounts["fred.mustermann"]
    assert fred.consents == {Consent.LOGS}
    assert fred.locks == (Lock(None, NOW, None),)
    somebody_else = replace(FRED, uid=20009)
    fred = compose(directory(somebody_else), known, settings()).accounts["fred.mustermann"]
    assert not fred.consents
    assert not fred.locks


def test_no_reason_source_id_or_birth_date_is_in_it():
    known = Known({}, {FRED.uid: (lock(),)})
    assert "phone in class" not in repr(compose(directory(), known, settings()))


def test_the_order_of_answers_means_nothing():
    one = compose(directory(ANNA, FRED, PROBE), Known(), settings())
    shuffled = replace(ANNA, groups=tuple(reversed(ANNA.groups)))
    other = compose(directory(PROBE, FRED, shuffled), Known(), settings())
    assert same_meaning(one, other)
    assert list(one.accounts) == list(other.accounts)


def test_it_stands_until_the_first_lock_ends():
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(days=1)
    known = Known({}, {1: (lock(), lock(Service.MAIL, late)), 2: (lock(Service.WEB, soon),)})
    assert next_end(known) == soon
    assert next_end(Known({}, {1: (lock(),)})) is None


def exemption(uid=None, gid=None, until=NOW + timedelta(days=1)):
    return Exemption(uid, gid, 500_000_000, NOW, until, "school film", "carer")


def test_an_exemption_of_an_account_or_a_group_is_a_limit_of_its_login_or_name():
    known = Known(
        exemptions=(exemption(uid=FRED.uid), exemption(gid=20002), exemption(uid=29999), exemption(gid=29999))
    )
    whole = compose(directory(), known, settings())
    assert [(rule.login, rule.group, rule.upload) for rule in whole.limits.rules] == [
        ("fred.mustermann", None, 500_000_000),
        (None, "kollegium", 500_000_000),
    ]
    assert "school film" not in repr(whole)


def test_everybody_has_the_quota_of_the_role_or_an_own_one_and_the_probe_none():
    known = Known(quotas={FRED.uid: KnownQuota(2 * 10**9, NOW, None, "video club", "carer")})
    accounts = compose(directory(), known, settings()).accounts
    assert accounts["fred.mustermann"].quota == 2 * 10**9
    assert accounts["anna.lehmann"].quota == 5 * 10**9
    assert accounts["schoolserver-probe"].quota == 0
    assert compose(directory(), Known(), settings()).accounts["fred.mustermann"].quota == 10**9


def test_it_stands_until_the_first_exemption_or_quota_ends():
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(days=1)
    ends = {1: KnownQuota(1, NOW, soon, "", ""), 2: KnownQuota(1, NOW, None, "", "")}
    assert next_end(Known(exemptions=(exemption(uid=1, until=late),))) == late
    assert next_end(Known(exemptions=(exemption(uid=1, until=late),), quotas=ends)) == soon


def test_a_device_is_that_of_a_login_until_its_session_ends_and_of_nobody_who_is_gone():
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(days=1)
    devices = (
        Device("10.1.40.9", ANNA.uid, NOW, late, "carer"),
        Device("10.1.40.7", FRED.uid, NOW, soon, "carer"),
        Device("10.1.40.8", 29999, NOW, late, "carer"),
    )
    whole = compose(directory(), Known(devices=devices), settings())
    assert list(whole.owners.items()) == [
        ("10.1.40.7", Binding("fred.mustermann", NOW, soon)),
        ("10.1.40.9", Binding("anna.lehmann", NOW, late)),
    ]
    assert "carer" not in repr(whole.owners)
    assert next_end(Known(devices=devices)) == soon


def test_what_is_set_for_lessons_is_that_of_a_group_by_its_number_until_it_ends_and_says_not_by_whom():
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    lessons = (
        KnownLesson(Measure.EXAM, 20001, "12", ("example.org",), NOW, late, "carer", 7),
        KnownLesson(Measure.BLOCK, None, "12", (), NOW, soon, "carer", 8),
        KnownLesson(Measure.EXAM, 29999, None, (), NOW, soon, "carer", 9),
    )
    whole = compose(directory(), Known(lessons=lessons), settings())
    assert whole.lessons == (
        Lesson(7, Measure.EXAM, NOW, late, "klasse3a", "12", ("example.org",)),
        Lesson(8, Measure.BLOCK, NOW, soon, room="12"),
    )
    assert "carer" not in repr(whole.lessons)
    assert next_end(Known(lessons=lessons)) == soon


def test_an_account_more_is_another_meaning():
    one = compose(directory(), Known(), settings())
    assert not same_meaning(one, compose(directory(ANNA, FRED, account("x.y", 20009)), Known(), settings()))


def test_who_stays_the_same_stays_the_same_object():
    one = compose(directory(ANNA, FRED), Known(), settings())
    other = compose(directory(ANNA, replace(FRED, must_change=not FRED.must_change)), Known(), settings(), one)
    assert other.accounts[ANNA.login] is one.accounts[ANNA.login]
    assert other.accounts[FRED.login].must_change is not FRED.must_change
    locked = compose(directory(ANNA, FRED), Known({}, {ANNA.uid: (lock(),)}), settings(), one)
    assert locked.accounts[ANNA.login].locks
    assert locked == compose(directory(ANNA, FRED), Known({}, {ANNA.uid: (lock(),)}), settings())
