"""A school of a few accounts and a directory at our own seam, for tests of the rules between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from appliance.auth.checking import Checker
from appliance.auth.memory import Memory
from appliance.auth.throttle import Allowances, Throttle
from appliance.daemon.counts import Pace
from appliance.daemon.secret import Secret
from appliance.directory.records import Checked, Mark
from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Consent, Role, Service
from appliance.policy.decision import Reason, Rule
from appliance.policy.events import Event, validate
from appliance.policy.snapshot import Snapshot, Version

DEFAULT = Allowances()
OPEN = AccessRule("access.yaml:1", frozenset(Service), Who(everyone=True), allow=True)
GOOD = "Kamel-Zaun-7"


def account(login: str, uid: int, role: Role = Role.PUPIL, **more: object) -> Account:
    """One account that consented to everything."""
    return Account(login, uid, role, consents=frozenset(Consent), **more)  # type: ignore[arg-type]


def school(*accounts: Account, counter: int = 1) -> Snapshot:
    """The snapshot of these accounts, all services open."""
    return Snapshot(
        Version(1, counter),
        "auth",
        "schule.example",
        ZoneInfo("Europe/Berlin"),
        accounts={one.login: one for one in accounts},
        rules=(OPEN,),
        consents_required={Service.MAIL: frozenset({Consent.LOGS})},
    )


@dataclass
class Scene:
    """Everything a test looks at: the snapshot in force, the directory, what was asked of it and recorded.

    ``asked`` are the logins whose passwords were hashed, ``versions`` counts what was changed of an account.
    """

    snapshot: Snapshot | None
    passwords: dict[str, str] = field(default_factory=dict)
    must_change: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    written: list[tuple[str, str, bool]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    refusals: list[tuple[Service, Reason, Rule]] = field(default_factory=list)
    error: Exception | None = None
    now: float = 0.0
    versions: dict[str, int] = field(default_factory=dict)
    unmarked: bool = False

    def checker(self, allowances: Allowances = DEFAULT, remember: float = 0.0) -> Checker:
        """A checker over this directory."""
        return Checker(
            lambda: self.snapshot, self, Throttle(allowances, Pace()), lambda: self.now, Memory(remember, most=2)
        )

    async def check(self, login: str, password: Secret) -> Checked:
        self.asked.append(login)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        if not password.reveal():
            return Checked.GOOD  # as LDAP would: it takes it for an anonymous bind
        if self.passwords.get(login) != password.reveal():
            return Checked.WRONG
        return Checked.MUST_CHANGE if login in self.must_change else Checked.GOOD

    async def check_since(self, login: str, password: Secret, known: Mark | None) -> tuple[Checked, Mark | None]:
        if self.error is not None:
            raise self.error
        mark = None if self.unmarked else (login.encode(), b"%d" % self.versions.get(login, 0))
        if mark is not None and mark == known:
            return Checked.GOOD, mark
        return await self.check(login, password), mark

    def meanwhile(self) -> None:
        """What happens while the directory works; replaced by tests."""

    async def write(self, login: str, password: Secret, must_change: bool) -> None:
        self.meanwhile()
        if self.error is not None:
            raise self.error
        self.written.append((login, password.reveal(), must_change))
        self.passwords[login] = password.reveal()

    async def hidden(self, login: str) -> bool:
        assert self.snapshot is not None
        return self.snapshot.accounts[login].hidden

    def record(self, event: Event) -> None:
        validate(event)
        self.events.append(event)

    def refuse(self, service: Service, reason: Reason, rule: Rule) -> str:
        self.refusals.append((service, reason, rule))
        return "7KQF-2MXA"
