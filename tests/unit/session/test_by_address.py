"""Who comes with the address of a device: asked of the policy like who has a password, for as long as it is his."""

from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Consent, Lock, Service
from appliance.policy.decision import Allow, Reason
from appliance.policy.events import Kind
from appliance.policy.owners import NOBODY, Binding
from appliance.policy.request import Action
from appliance.session.by_address import Devices, nobody
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn
from appliance.session.visit import Visit
from tests.unit.session.conftest import CODE, FRED, NOW, snapshot_of

PHONE, OTHER = "10.1.40.7", "10.1.40.8"
HOUR = timedelta(hours=1)
BOUND = Binding("fred", NOW - HOUR, NOW + HOUR)
WEB = frozenset({Service.WEB})
FRIDA = replace(FRED, login="frida", uid=20002)


def school(*accounts, owners=None, **changes):
    return replace(
        snapshot_of(*(accounts or (FRED, FRIDA))),
        rules=(AccessRule("access.yaml:1", WEB, Who(everyone=True), allow=True),),
        owners={PHONE: BOUND} if owners is None else owners,
        **changes,
    )


@pytest.fixture
def house(around):
    around.snapshot = school()
    return around


@pytest.fixture
def devices(house):
    return Devices(house.house, Service.WEB)


def visit_of(around, who, address=PHONE):
    return Visit(around.house, Service.WEB, who, address, around.ends.append)


def sign_ins(around):
    return [event.fields["outcome"] for event in around.events if event.kind is Kind.SIGN_IN]


def test_coming(house, devices):
    assert devices.arrive(PHONE) == SignedIn("fred", NOW - HOUR, None, by_address=True)
    fields = {"service": "web", "login": "fred", "address": PHONE, "outcome": "verified", "way": "address"}
    assert [event.fields for event in house.events] == [fields]


def test_an_ipv4_address_of_a_socket_for_both_kinds_is_the_same(devices):
    assert devices.arrive(f"::ffff:{PHONE}").login == "fred"


def test_before_anything_is_known(house, devices):
    house.snapshot = None
    assert devices.arrive(PHONE) == Obstacle(Hitch.LATER)


@pytest.mark.parametrize("now", [NOW - 2 * HOUR, NOW + HOUR])
def test_an_address_that_is_not_bound_now_is_nobodys(house, devices, now):
    assert devices.arrive(OTHER) is None
    house.now = now
    assert devices.arrive(PHONE) is None
    assert house.events == []


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"disabled": True}, "denied", Reason.DISABLED),
        ({"locks": (Lock(Service.WEB, NOW, None),)}, "denied", Reason.LOCKED),
        ({"must_change": True}, "must-change", Reason.MUST_CHANGE),
    ],
)
def test_the_policy_is_asked(house, devices, changes, outcome, reason):
    house.snapshot = school(replace(FRED, **changes))
    assert devices.arrive(PHONE) == Obstacle(reason, CODE)
    assert sign_ins(house) == [outcome]


def test_who_comes_is_known_until_the_snapshot_or_the_time_says_otherwise(house, devices):
    who = devices.arrive(PHONE)
    assert devices.arrive(PHONE) is who
    house.now = NOW + HOUR
    assert devices.arrive(PHONE) is None
    house.now = NOW
    house.snapshot = school(replace(FRED, locks=(Lock(None, NOW + HOUR / 2, NOW + 3 * HOUR),)))
    assert devices.arrive(PHONE) == who
    house.now = NOW + HOUR / 2
    assert devices.arrive(PHONE) == Obstacle(Reason.LOCKED, CODE)
    house.snapshot = school(replace(FRED, locks=(Lock(None, NOW + HOUR / 2, NOW + 3 * HOUR),)), owners={})
    assert devices.arrive(PHONE) is None


def test_an_address_is_nobodys_until_a_binding_begins(house, devices):
    house.snapshot = school(owners={PHONE: Binding("fred", NOW + HOUR, NOW + 2 * HOUR)})
    for after, login in ((0 * HOUR, None), (HOUR - HOUR / 60, None), (HOUR, "fred"), (2 * HOUR, None)):
        house.now = NOW + after
        found = devices.arrive(PHONE)
        assert (None if found is None else found.login) == login


def test_no_more_addresses_are_remembered_than_a_network_has(house, devices, monkeypatch):
    monkeypatch.setattr("appliance.session.by_address._MOST", 5)
    for last in range(20):
        assert devices.arrive(f"10.1.41.{last}") is None
    assert devices.arrive(PHONE).login == "fred"
    assert len(devices._known) <= 5


def test_consents_are_asked_of_an_owner(house, devices):
    house.snapshot = school(consents_required={Service.WEB: frozenset({Consent.LOGS})})
    assert devices.arrive(PHONE) == Obstacle(Reason.CONSENT_MISSING, CODE)


def test_a_sign_in_is_recorded_once_for_a_binding_and_again_when_it_comes_out_otherwise(house, devices):
    for _ in range(3):
        devices.arrive(PHONE)
    house.snapshot = school(replace(FRED, must_change=True))
    for _ in range(3):
        devices.arrive(PHONE)
    house.snapshot = school()
    devices.arrive(PHONE)
    assert sign_ins(house) == ["verified", "must-change", "verified"]
    house.snapshot = school(owners={PHONE: replace(BOUND, since=NOW)})
    devices.arrive(PHONE)
    assert len(sign_ins(house)) == 4
    assert len(devices._outcomes) == 1, "what is bound no more is not remembered"


def test_what_is_open_stands_until_the_binding_ends(house, devices):
    visit = visit_of(house, devices.arrive(PHONE))
    assert visit.recheck() == visit.valid_until == NOW + HOUR
    answer = visit.ask(Action.FETCH, "https://www.example.org/")
    assert isinstance(answer, Allow)
    assert answer.valid_until == NOW + HOUR
    house.now = NOW + HOUR
    assert visit.recheck() is None
    assert house.ends == [Obstacle(Reason.OWNER_CHANGED, CODE)]
    assert house.events[-1].fields == {"service": "web", "login": "fred", "reason": "owner-changed"}


@pytest.mark.parametrize("owners", [{}, {PHONE: replace(BOUND, login="frida")}, {OTHER: BOUND}])
def test_a_release_and_another_owner_end_it(house, devices, owners):
    visit = visit_of(house, devices.arrive(PHONE))
    house.snapshot = school(owners=owners)
    assert visit.recheck() is None
    assert house.ends == [Obstacle(Reason.OWNER_CHANGED, CODE)]


def test_a_longer_binding_of_the_same_person_ends_nothing(house, devices):
    visit = visit_of(house, devices.arrive(PHONE))
    house.snapshot = school(owners={PHONE: Binding("fred", NOW, NOW + 2 * HOUR)})
    assert visit.recheck() == NOW + 2 * HOUR


def test_a_new_password_ends_nothing_and_a_lock_does(house, devices):
    visit = visit_of(house, devices.arrive(PHONE))
    house.snapshot = school(replace(FRED, password_changed_at=NOW + HOUR / 2))
    assert visit.recheck() == NOW + HOUR
    house.snapshot = school(replace(FRED, locks=(Lock(None, NOW, None),)))
    visit.recheck()
    assert house.ends == [Obstacle(Reason.LOCKED, CODE)]


def test_a_temporary_failure_ends_nothing(house, devices):
    visit = visit_of(house, devices.arrive(PHONE))
    house.snapshot = None
    assert visit.recheck() is None
    assert house.ends == []


def test_nobody_is_decided_upon_until_somebody_owns_the_address(house):
    house.snapshot = school(owners={PHONE: Binding("fred", NOW + HOUR, NOW + 2 * HOUR)})
    visit = visit_of(house, nobody(NOW))
    assert visit.account is None
    assert isinstance(visit.ask(Action.FETCH, "https://www.example.org/"), Allow)
    assert visit.recheck() == NOW + HOUR
    house.snapshot = school(owners={PHONE: Binding("fred", NOW, NOW + HOUR)})
    assert visit.recheck() is None
    assert house.ends == [Obstacle(Reason.OWNER_CHANGED, CODE)]
    assert house.events[-1].fields == {"service": "web", "login": NOBODY, "reason": "owner-changed"}


def test_what_closes_to_one_role_ends_nobodys_session(house):
    visit = visit_of(house, nobody(NOW), OTHER)
    assert visit.recheck() is None
    assert house.ends == []
    only = AccessRule("access.yaml:1", WEB, Who(roles=frozenset({FRED.role})), allow=True)
    house.snapshot = replace(school(), rules=(only,))
    visit.recheck()
    assert house.ends == [Obstacle(Reason.NOT_OPEN, CODE)]


def test_who_signed_in_with_a_password_stays_whoever_owns_the_address(house):
    house.snapshot = school(owners={PHONE: replace(BOUND, login="frida")})
    visit = visit_of(house, SignedIn("fred", NOW, FRED.password_changed_at))
    visit.recheck()
    assert house.ends == []
