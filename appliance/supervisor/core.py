"""What the verbs work with, and how other parts' errors become answers.

May live here: references to the parts, looking up an account. May not: any verb, any loop.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.directory.errors import AlreadyExists, DirectoryError, DirectoryUnavailable
from appliance.policy.account import Account
from appliance.policy.events import Event, Kind
from appliance.policy.snapshot import Snapshot
from appliance.supervisor.figures import space_left, space_problem
from appliance.supervisor.held import held
from appliance.supervisor.people import OutOfNumbers
from appliance.supervisor.state import StateError
from appliance.supervisor.verb import Call, Verb, VerbError

if TYPE_CHECKING:
    from appliance.audit.client import AuditClient
    from appliance.settings.load import Settings
    from appliance.supervisor.alerts import Alerts
    from appliance.supervisor.deleting_again import DeletingAgain
    from appliance.supervisor.devices import Devices
    from appliance.supervisor.folders import Folders
    from appliance.supervisor.folders_found import Former
    from appliance.supervisor.group_folders import GroupFolders
    from appliance.supervisor.health import Health
    from appliance.supervisor.homes import Homes
    from appliance.supervisor.launcher.seam import Launcher
    from appliance.supervisor.lessons import Lessons
    from appliance.supervisor.limits import Exemptions
    from appliance.supervisor.locks import Locks
    from appliance.supervisor.log_on import LogOn
    from appliance.supervisor.passwords import Passwords
    from appliance.supervisor.people import People
    from appliance.supervisor.publisher import Publisher
    from appliance.supervisor.quotas import Quotas
    from appliance.supervisor.quotas_ledger import Ledger
    from appliance.supervisor.visiting import Visiting


@dataclass(slots=True)
class Core:
    """The parts of a running supervisor; ``settings`` follows reloads, everything else stays.

    ``deleting(former)`` hears of a folder before it is deleted for good; ``why(code)`` asks audit what a refusal's code
    means; ``log_on`` is ``None`` where the directory is no domain; ``started`` are the settings of the start.
    """

    settings: Settings
    directory: Any
    people: People
    locks: Locks
    exemptions: Exemptions
    quotas: Quotas
    devices: Devices
    lessons: Lessons
    ledger: Ledger
    publisher: Publisher
    passwords: Passwords
    homes: Homes
    group_folders: GroupFolders
    folders: Folders
    deleting: Callable[[Former], None]
    deleting_again: DeletingAgain
    launcher: Launcher
    audit: AuditClient
    health: Health
    alerts: Alerts
    why: Callable[[str], dict[str, Any]]
    visiting: Visiting
    log_on: LogOn | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    started: Settings = field(init=False)

    def snapshot(self) -> Snapshot:
        """The whole snapshot; raises :class:`VerbError` while nothing is known."""
        snapshot = self.publisher.snapshot
        if snapshot is None:
            raise VerbError("try-later", "the directory has not been read yet; see schoolserver status")
        return snapshot

    def account(self, login: str) -> Account:
        """The account ``login`` (any case, with or without ``@domain``) of a person; raises :class:`VerbError`."""
        snapshot = self.snapshot()
        name = login.strip().lower().removesuffix(f"@{snapshot.domain}")
        account = snapshot.accounts.get(name)
        if account is None or account.hidden:
            people = [known.login for known in snapshot.accounts.values() if not known.hidden]
            near = difflib.get_close_matches(name, people, n=3)
            hint = f"; near: {', '.join(near)}" if near else ""
            raise VerbError("unknown-account", f"there is no account {name[:80]!r}{hint}")
        return account

    def room(self) -> None:
        """Raise :class:`VerbError` while a disk is down to its reserve: for verbs after which much is written."""
        server = self.settings.server
        for name, left in space_left({"state": server.state, "data": server.data}).items():
            if left < server.reserve:
                problem = space_problem(name, left, server.reserve)
                raise VerbError(
                    "no-space", f"the disk of the {name} folder is nearly full: {problem}; nothing was done"
                )

    def in_force(self, *, directory_too: bool = False) -> bool:
        """Publish what has changed and return when it counts everywhere; ``False`` if it could not be published yet.

        ``directory_too``: something was written there.
        """
        published = self.publisher.look() if directory_too else self.publisher.publish()
        self.publisher.in_force()
        return published

    def __post_init__(self) -> None:
        self.started = self.settings

    def take_over(self, settings: Settings) -> list[str]:
        """Go on with ``settings`` and publish what follows from them; give a line on each that needs a new start."""
        settings, lines = held(self.started, settings)
        self.settings = self.health.settings = self.visiting.settings = self.ledger.settings = settings
        self.alerts.settings = settings
        self.publisher.reload(settings)
        return lines

    def record(self, kind: Kind, **fields: str | int | tuple[str, ...] | None) -> None:
        """Record that something happened now; never waits."""
        self.audit.record(Event(kind, self.clock(), fields))


def guarded(verb: Verb) -> Verb:
    """The same verb, whose failures of other parts are answers that say what to do."""

    def run(call: Call) -> dict[str, Any]:
        try:
            return verb.run(call)
        except DirectoryUnavailable as problem:
            raise VerbError("try-later", f"the directory gives no answer: {_chain(problem)}") from problem
        except AlreadyExists as problem:
            raise VerbError("exists", _chain(problem)) from problem
        except DirectoryError as problem:
            raise VerbError("directory", f"the directory refused: {_chain(problem)}") from problem
        except Unreachable as problem:
            raise VerbError("try-later", _chain(problem)) from problem
        except RequestRefused as refusal:
            raise VerbError(refusal.kind, refusal.text) from refusal
        except (StateError, OutOfNumbers) as problem:
            raise VerbError("state", _chain(problem)) from problem

    return Verb(run, verb.arguments)


def _chain(problem: BaseException) -> str:
    causes = [str(problem) or type(problem).__name__]
    while problem.__cause__ is not None:
        problem = problem.__cause__
        if str(problem) and str(problem) not in causes[-1]:
            causes.append(str(problem))
    return ": ".join(causes)
