"""The same services where the directory is the Samba domain: the cases in which passwords and accounts matter.

They are those of ``test_conformance``, run once more; log-on at a PC stands beside them as one service more.
"""

from collections.abc import Iterator

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.services.conftest import DRIVERS, Visit
from tests.integration.services.driver import AT_ONCE, Driver, Outcome
from tests.integration.services.people import OWN, ROSTER, SETTINGS
from tests.integration.services.site import outside
from tests.integration.services.test_conformance import (  # noqa: F401 - collected here with the domain's school
    lock,
    test_a_changed_password_ends_what_is_open,
    test_a_consent_that_is_missing,
    test_a_lock_ends_what_is_open_and_refuses_what_is_new,
    test_a_service_that_is_not_open_to_somebody,
    test_must_change,
    test_sign_in_and_bytes,
    test_wrong_password_and_nobody_are_refused_alike,
)
from tests.integration.support_domain import possible
from tests.integration.support_domain_school import DomainSchool, domain_school

pytestmark = possible

UNITS = ("audit", "privileged", "auth", "supervisor", "mail", "imap", "fileshare", "proxy")
PUPIL = OWN["submission"]


@pytest.fixture(scope="module")
def school() -> Iterator[DomainSchool]:
    with outside() as (site, far, received):
        proxy = {"exceptions": [f"127.0.0.1:{site}", f"127.0.0.1:{far}"], "blocked_categories": {}}
        with domain_school({**SETTINGS, "proxy": proxy}, UNITS) as made:
            made.received = received
            made.bring_in(ROSTER)
            yield made


def test_log_on_goes_by_the_same_password(school: DomainSchool, visit: Visit) -> None:
    before = school.passwords[PUPIL]
    assert school.log_on(PUPIL, before) == "in"
    once = school.reset(PUPIL)
    eventually(lambda: school.log_on(PUPIL, once) == "must-change", AT_ONCE)
    school.choose_password(PUPIL, once)
    assert school.log_on(PUPIL, school.passwords[PUPIL]) == "in"
    assert "incorrect" in school.log_on(PUPIL, before)
    assert "incorrect" in school.log_on(PUPIL, once)


def test_log_on_alone_is_locked(school: DomainSchool, kind: type[Driver], visit: Visit) -> None:
    """K18: every service goes on, also what is signed in to anew; a wrong password stays a wrong one."""
    login = OWN[kind.name]
    client = visit(kind, login)
    lock(school, login, service="pc")
    try:
        eventually(lambda: "revoked" in school.log_on(login, school.passwords[login]), AT_ONCE)
        assert client.open()
        visit(kind, login)
        visit(kind, login, Outcome.WRONG, "Falsch-geraten-1")
    finally:
        school.call("users.unlock", login=login, service="pc")
    eventually(lambda: school.log_on(login, school.passwords[login]) == "in", AT_ONCE)


def test_a_lock_of_everything_ends_log_on_too(school: DomainSchool, visit: Visit) -> None:
    lock(school, PUPIL)
    try:
        eventually(lambda: "revoked" in school.log_on(PUPIL, school.passwords[PUPIL]), AT_ONCE)
        for kind in DRIVERS:
            visit(kind, OWN[kind.name], Outcome.LOCKED if OWN[kind.name] == PUPIL else Outcome.SIGNED_IN)
    finally:
        school.call("users.unlock", login=PUPIL)
    eventually(lambda: school.log_on(PUPIL, school.passwords[PUPIL]) == "in", AT_ONCE)


def test_the_journal_names_nobody(school: DomainSchool) -> None:
    """Neither those of our parts nor what they say about the domain."""
    names = {part for line in ROSTER.splitlines()[1:] for part in line.lower().split(";")[1:3]}
    told = [line for text in school.logs().values() for line in text.lower().splitlines()]
    assert [line for line in told if any(name in line for name in names)] == []
