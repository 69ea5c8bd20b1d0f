"""A small school for the unit tests of mail."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from appliance.policy.account import Account, Consent, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.policy.rules import AccessRule, Who
from appliance.policy.snapshot import Snapshot, Version

BOTH = frozenset({Consent.ACCOUNT, Consent.LOGS})
ALL = AccessRule("access.yaml:1 rules[0]", services=frozenset({Service.MAIL}), who=Who(everyone=True), allow=True)

MakeSnapshot = Callable[..., Snapshot]


def account(login: str, role: Role = Role.PUPIL, **fields: object) -> Account:
    return Account(**{"login": login, "uid": 0, "role": role, "consents": BOTH, **fields})


@pytest.fixture
def make_snapshot() -> MakeSnapshot:
    """Make a snapshot of the given accounts."""

    def make(*accounts: Account, counter: int = 1, rules: tuple[AccessRule, ...] = (ALL,)) -> Snapshot:
        return Snapshot(
            version=Version(1, counter),
            audience="mail",
            domain="schule.example",
            zone=ZoneInfo("Europe/Berlin"),
            accounts={each.login: each for each in accounts},
            rules=rules,
            consents_required={Service.MAIL: BOTH},
            limits=LimitTable(Limits(1000, 1000), {Role.TEACHER: Limits(3000, 3000)}, message_overhead=500),
        )

    return make


@pytest.fixture
def new_account() -> Callable[..., Account]:
    """Make an account with all consents."""
    return account


@pytest.fixture
def now() -> datetime:
    """A Monday morning."""
    return datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
