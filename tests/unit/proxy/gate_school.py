"""A gate with a small school behind it: a pupil, a teacher and the probe, two lists, one rule."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from appliance.filter.index import Index
from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.events import validate
from appliance.policy.limits import LimitTable
from appliance.policy.request import Action
from appliance.policy.safe_search import Enforced
from appliance.policy.snapshot import Snapshot, Version
from appliance.policy.web import Verdict, WebRule
from appliance.policy.web_rules import WebRules
from appliance.proxy.exempt import Exempt
from appliance.proxy.gate import Gate, Wish
from appliance.proxy.metering import Meters
from appliance.proxy.target import Where
from appliance.session.house import House
from appliance.session.obstacle import Obstacle
from appliance.session.signed_in import SignedIn
from tests.integration.support_lists import put_lists

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FRED = Account("fred", 1, Role.PUPIL, password_changed_at=NOW - timedelta(days=9))
MARIA = Account("maria", 2, Role.TEACHER)
PROBE = Account("probe", 3, Role.STAFF, hidden=True)
OPEN = AccessRule("access.yaml modules.web", frozenset({Service.WEB}), Who(everyone=True), allow=True)
CLOSED = WebRule(
    "web.yaml blocked_categories",
    Who(roles=frozenset({Role.PUPIL})),
    Verdict.BLOCK,
    categories=frozenset({"games", "adult"}),
)
ALWAYS = WebRule("web.yaml always", Who(everyone=True), Verdict.ALWAYS, targets=frozenset({"gut.spiele.example"}))


def index(lists):
    """An index of ``lists``, category to domains."""
    with tempfile.TemporaryDirectory() as folder:
        return Index.open(put_lists(Path(folder), lists))


LISTS = index({"games": ["spiele.example"], "adult": ["schlecht.example"]})
INTRANET = Where("10.1.0.7", 8080)
SAFE = {"suche.example": {Enforced.SEARCH: "sicher.suche.example"}}


class School:
    def __init__(self):
        self.events, self.refusals, self.now = [], [], NOW
        self.snapshot = Snapshot(
            Version(1, 1),
            "web",
            "schule.example",
            ZoneInfo("Europe/Berlin"),
            {one.login: one for one in (FRED, MARIA, PROBE)},
            rules=(OPEN,),
            limits=LimitTable(Limits(100, 200)),
            web=WebRules((ALWAYS, CLOSED)),
        )
        house = House(snapshot=lambda: self.snapshot, journal=self, now=lambda: self.now)
        self.gate = Gate(house, LISTS, frozenset({INTRANET}), Meters(600.0), Exempt([], ["frei.example"]), SAFE)

    def renew(self, lists=LISTS, exceptions=frozenset()):
        self.gate.renew(lists, exceptions, self.gate.exempt)

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
        passed = self.gate.judge(self.wish(host, port, login, tunnel, action, size))
        return passed if isinstance(passed, Obstacle) else passed.allowed

    @staticmethod
    def wish(host="example.org", port=80, login="fred", tunnel=False, action=Action.FETCH, size=None):
        guest = SignedIn(login, NOW, FRED.password_changed_at)
        return Wish(guest, Where(host, port), tunnel, action, "10.1.0.9", size)
