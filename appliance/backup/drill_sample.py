"""The sample of a drill: people of each role, group folders, one whole mailbox, tried one after the other.

May live here: whom the policy knows, and how far the sample goes. May not: how a unit is tried (``drill_try``), what is
chosen of it (``sample``).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.backup import sample
from appliance.backup.drill_result import GROUPS, MAILBOX, Tried
from appliance.backup.drill_try import Trial
from appliance.backup.problem import BackupError
from appliance.backup.units import Unit
from appliance.policy.snapshot import BrokenSnapshot, decode

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_EACH: Final = 64 * 1024 * 1024
"""Bytes that are restored of one home or group folder at the most."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who may be tried, in the order of this drill: ``roles`` to logins, ``groups`` by name, ``mailboxes``."""

    roles: dict[str, list[str]]
    groups: list[str]
    mailboxes: list[str]

    def __len__(self) -> int:
        """How many steps the sample has."""
        return len(self.roles) + 2


def cast(settings: Settings, chance: random.Random) -> Cast:
    """Let ``chance`` put those in order whom the policy knows; raises :class:`BackupError`."""
    path = settings.server.runtime / "snapshots" / "supervisor.snapshot"
    try:
        known = decode(path.read_bytes())
    except (OSError, BrokenSnapshot) as error:
        raise BackupError("unreadable", "who is in the school is not known: the server does not run") from error
    people = [(account.login, str(account.role)) for account in known.accounts.values() if not account.hidden]
    return Cast(
        sample.by_role(people, chance),
        sample.in_random_order(known.groups, chance),
        sample.in_random_order((login for login, _ in people), chance),
    )


def tried(trial: Trial, cast: Cast, room: int, tell: Callable[[int], None]) -> dict[str, Tried]:
    """Try the sample in ``room`` bytes; gives what was compared. Raises :class:`BackupError`."""
    budget = min(_EACH, room)
    found: dict[str, Tried] = {}
    for role, logins in cast.roles.items():
        tell(len(found))
        found[role] = _some(trial, (Unit("homes", login) for login in logins), budget)
    tell(len(found))
    found[GROUPS] = _some(trial, (Unit("groups", name) for name in cast.groups), budget)
    tell(len(found))
    found[MAILBOX] = _mailbox(trial, cast.mailboxes, room)
    return found


def room(folder: Path, reserve: int) -> int:
    """Bytes that may be restored into ``folder``; raises :class:`BackupError` when there is no room for a drill."""
    found = os.statvfs(folder)
    free = (found.f_bavail * found.f_frsize - reserve) // 2
    if free < _EACH:
        raise BackupError("disk", f"there is no room for a drill in {folder}")
    return free


def _some(trial: Trial, units: Iterator[Unit], budget: int) -> Tried:
    done, files = 0, 0
    for unit in units:
        if trial.has(unit):
            files += trial.some(unit, budget)
            done += 1
            if done == sample.PEOPLE:
                break
    return Tried(done, files)


def _mailbox(trial: Trial, logins: list[str], room: int) -> Tried:
    """The first one with mails in it for which there is room; else one without."""
    empty = None
    for login in logins:
        unit = Unit("mail", login)
        if not trial.has(unit):
            continue
        files, size = trial.size()
        if files and size <= room:
            return Tried(1, trial.whole(unit))
        if not files:
            empty = unit
    if empty is not None and trial.has(empty):
        return Tried(1, trial.whole(empty))
    return Tried()
