"""What every service must do alike: each test here runs against each of them, by the driver that speaks its protocol.

The limit has a table of its own (``test_limits``).
"""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.services.conftest import DRIVERS, Visit
from tests.integration.services.driver import AT_ONCE, PATIENCE, Direction, Driver, Outcome, code_in, said
from tests.integration.services.people import CLOSED_TO, LATE, OWN
from tests.integration.support_school import School

SMALL = 10_000
WRONG = "Falsch-geraten-1"
REASON = "agreed with the head"


def lock(school: School, login: str, **service: str) -> None:
    school.call("users.lock", login=login, reason=REASON, **service)


def new_events(school: School, before: int, **wanted: str) -> list[dict]:
    """Events since the record had ``before`` lines, as soon as there are any."""

    def found() -> list[dict]:
        return [one for one in school.events()[before:] if wanted.items() <= one.items()]

    return eventually(found, what=f"{wanted}")


@pytest.mark.parametrize("kind", DRIVERS)
def test_a_driver_leaves_out_no_outcome(kind: type[Driver]) -> None:
    assert kind.replies.keys() == set(Outcome)


def test_sign_in_and_bytes(school: School, kind: type[Driver], visit: Visit) -> None:
    client = visit(kind, OWN[kind.name])
    for direction in kind.recorded:
        said(client, client.move(direction, SMALL), Outcome.PASSED)
    assert client.open()


def test_wrong_password_and_nobody_are_refused_alike(school: School, kind: type[Driver], visit: Visit) -> None:
    wrong = visit(kind, OWN[kind.name], Outcome.WRONG, WRONG)
    nobody = visit(kind, f"niemand.{kind.name}", Outcome.WRONG, WRONG)
    assert wrong.greeting == nobody.greeting


def test_must_change(school: School, kind: type[Driver], visit: Visit) -> None:
    """K03, K04: with a one-time password nothing opens, and what the old one had opened ends."""
    login = OWN[kind.name]
    before, client = school.passwords[login], visit(kind, login)
    began = time.monotonic()
    given = school.reset(login)
    try:
        said(client, client.last_words(AT_ONCE), Outcome.ENDED_CHANGED)
        assert time.monotonic() - began < AT_ONCE
        refused = visit(kind, login, Outcome.MUST_CHANGE, given)
        visit(kind, login, Outcome.WRONG, before)
    finally:
        school.choose_password(login, given)
    visit(kind, login)
    if code_in(refused.greeting):
        assert school.why(code_in(refused.greeting))["reason"] == "must-change"


def test_a_changed_password_ends_what_is_open(school: School, kind: type[Driver], visit: Visit) -> None:
    """K04."""
    login = OWN[kind.name]
    before, client = school.passwords[login], visit(kind, login)
    school.choose_password(login, before)
    said(client, client.last_words(AT_ONCE), Outcome.ENDED_CHANGED)
    visit(kind, login)
    visit(kind, login, Outcome.WRONG, before)


def test_a_lock_ends_what_is_open_and_refuses_what_is_new(school: School, kind: type[Driver], visit: Visit) -> None:
    """K18; a stranger who guesses learns nothing of it, and the reason is the carer's alone."""
    login, before = OWN[kind.name], len(school.events())
    client = visit(kind, login)
    began = time.monotonic()
    lock(school, login)
    try:
        words = said(client, client.last_words(AT_ONCE), Outcome.ENDED_LOCKED)
        assert time.monotonic() - began < AT_ONCE
        assert not client.open()
        refused = visit(kind, login, Outcome.LOCKED)
        visit(kind, login, Outcome.WRONG, WRONG)
    finally:
        school.call("users.unlock", login=login)
    assert REASON not in words + refused.greeting
    visit(kind, login)
    if code_in(refused.greeting):
        why = school.why(code_in(refused.greeting))
        assert {"service": kind.service, "reason": "locked"}.items() <= why.items()
        assert login not in str(why)
    assert new_events(school, before, kind="session-ended", service=kind.service, login=login, reason="locked")


def test_one_service_is_locked_alone(school: School, kind: type[Driver], visit: Visit) -> None:
    """K18."""
    login = OWN[kind.name]
    others = {other.service: other for other in DRIVERS if other.service is not kind.service}
    client, elsewhere = visit(kind, login), [visit(other, login) for other in others.values()]
    lock(school, login, service=kind.service)
    try:
        said(client, client.last_words(AT_ONCE), Outcome.ENDED_LOCKED)
        visit(kind, login, Outcome.LOCKED)
        assert all(other.open() for other in elsewhere)
        for other in others.values():
            visit(other, login)
    finally:
        school.call("users.unlock", login=login, service=kind.service)
    visit(kind, login)


def test_a_service_that_is_not_open_to_somebody(school: School, kind: type[Driver], visit: Visit) -> None:
    """K19: a rule of access.yaml closes it."""
    refused = visit(kind, CLOSED_TO, Outcome.NOT_OPEN)
    if code_in(refused.greeting):
        assert school.why(code_in(refused.greeting))["source"].startswith("access.yaml:")


def test_a_consent_that_is_missing(school: School, kind: type[Driver], visit: Visit) -> None:
    """K23: withdrawn, it closes what is open; given again, it opens."""
    login = OWN[kind.name]
    client = visit(kind, login)
    school.call("users.consent", login=login, consent="account", give=False)
    try:
        client.last_words(AT_ONCE)
        visit(kind, login, Outcome.NO_CONSENT)
    finally:
        school.call("users.consent", login=login, consent="account", give=True, version="2026-08")
    visit(kind, login)


def test_the_quota(school: School, kind: type[Driver], visit: Visit) -> None:
    """K11: what is full takes no more and keeps nothing of it; with more space it goes on, in the same session."""
    login = OWN[kind.name]
    used = school.call("quota.show", login=login)["used"]
    school.call("quota.set", login=login, size=f"{used // 1000 + 100} kB", reason=REASON)
    try:
        client = visit(kind, login)
        before = school.kept(login)
        said(client, client.move(Direction.UP, 500_000), Outcome.OVER_QUOTA)
        assert school.kept(login) == before
        said(client, client.move(Direction.UP, 1_000), Outcome.PASSED)
        assert client.open()
    finally:
        school.call("quota.reset", login=login, reason=REASON)
    client = visit(kind, login)
    said(client, client.move(Direction.UP, 500_000), Outcome.PASSED)


UNITS = ("directory", "auth")


@pytest.fixture(scope="session")
def unanswered(school: School) -> Mapping[tuple[str, str], tuple[str, float, bool]]:
    """What each service says, and after which time, while a part gives no answer; and whether open sessions go on.

    All services are asked at once: each waits for the part until its own patience ends.
    """
    found = {}

    def ask(unit: str, kind: type[Driver], opened: Driver) -> None:
        client, began = kind(school), time.monotonic()
        try:
            words = client.sign_in(LATE, school.passwords[LATE])
            found[unit, kind.name] = words, time.monotonic() - began, opened.open()
        finally:
            client.close()

    for unit in UNITS:
        opened = [kind(school) for kind in DRIVERS]
        try:
            for client in opened:
                said(client, client.sign_in(OWN[client.name], school.passwords[OWN[client.name]]), Outcome.SIGNED_IN)
            with school.frozen(unit), ThreadPoolExecutor(len(DRIVERS)) as pool:
                list(pool.map(ask, [unit] * len(DRIVERS), DRIVERS, opened))
        finally:
            for client in opened:
                client.close()
    return found


@pytest.mark.parametrize("unit", UNITS)
def test_try_later(unit: str, unanswered: Mapping, school: School, kind: type[Driver], visit: Visit) -> None:
    """A temporary failure is not a refusal, comes in time, and ends nothing that is open."""
    words, took, goes_on = unanswered[unit, kind.name]
    said(kind(school), words, Outcome.TRY_LATER)
    assert took < PATIENCE
    assert goes_on
    visit(kind, LATE)


def test_what_is_recorded(school: School, kind: type[Driver], visit: Visit) -> None:
    """K36: sign-ins, right and wrong ones, and transfers; what is refused or ended stands with the tests of that."""
    login, before = OWN[kind.name], len(school.events())
    client = visit(kind, login)
    visit(kind, login, Outcome.WRONG, WRONG)
    for direction, recorded in kind.recorded.items():
        said(client, client.move(direction, SMALL), Outcome.PASSED)
        if recorded:
            (event,) = new_events(school, before, kind=recorded, login=login)
            assert event["size"] >= SMALL
    # The proxy remembers whom it let in (from an earlier test, it may be), and has asked once for all.
    for outcome, since in (("verified", 0), ("refused", before)):
        signed = {"kind": "sign-in", "service": kind.service, "login": login, "address": "127.0.0.1"}
        assert new_events(school, since, outcome=outcome, **signed)
