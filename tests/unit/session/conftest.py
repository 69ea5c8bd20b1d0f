"""A house whose snapshot, clock and journal a test holds in its hands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.events import validate
from appliance.policy.limits import LimitTable
from appliance.policy.snapshot import Snapshot, Version
from appliance.session.house import House

NOW = datetime(2026, 11, 23, 9, 0, 0, 500_000, tzinfo=UTC)
FRED = Account("fred", 20001, Role.PUPIL, password_changed_at=NOW - timedelta(days=3))
CODE = "7KQF-2MXA"


def snapshot_of(*accounts: Account) -> Snapshot:
    return Snapshot(
        Version(1, 1),
        "mail",
        "schule.example",
        ZoneInfo("Europe/Berlin"),
        {one.login: one for one in accounts},
        rules=(AccessRule("access.yaml:1", frozenset({Service.MAIL}), Who(everyone=True), allow=True),),
        limits=LimitTable(Limits(100, 200)),
    )


@dataclass
class Around:
    """``events`` and ``refusals`` are what was recorded, ``ends`` why sessions ended."""

    snapshot: Snapshot | None = field(default_factory=lambda: snapshot_of(FRED))
    now: datetime = NOW
    events: list = field(default_factory=list)
    refusals: list = field(default_factory=list)
    ends: list = field(default_factory=list)

    def record(self, event):
        validate(event)
        self.events.append(event)

    def refuse(self, service, reason, rule):
        self.refusals.append((service, reason, rule))
        return CODE

    @property
    def house(self) -> House:
        return House(snapshot=lambda: self.snapshot, journal=self, now=lambda: self.now)

    def change(self, **changes) -> None:
        self.snapshot = snapshot_of(replace(FRED, **changes))


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
def fred() -> Account:
    return FRED


@pytest.fixture
def other_people() -> Snapshot:
    """A snapshot that does not know Fred."""
    return snapshot_of(replace(FRED, login="frida"))
