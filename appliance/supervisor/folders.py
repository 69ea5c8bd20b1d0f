"""Keeps the folders on the disk as the directory has people and groups: each has its own, under its name.

A mailbox goes with the home of its login, in the privileged helper; here are those that were left without one.

May live here: when it is done, and how it stands. May not: what is to be done (``folders_rule``), touching the disk
(the privileged helper does). Nothing is put aside unless the directory itself was read by this process and answers now:
what an earlier one published says nothing about who has gone since. Blocking and thread-safe.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.supervisor.folders_found import GROUPS, HOMES, MAIL, Former, Found
from appliance.supervisor.folders_rule import Step, Tidying, due, renamed, tidying
from appliance.supervisor.quotas_ledger import latest

if TYPE_CHECKING:
    from appliance.policy.snapshot import Snapshot
    from appliance.settings.load import Settings

LOG = logging.getLogger(__name__)

_LOOK = 2.0
_AGAIN = 30.0
_NEXT = 0.1
_EVERY = timedelta(hours=1)
_EVERY_UNWELL = timedelta(seconds=10)
_SHOWN = 3
_WORDS = {HOMES: "homes", GROUPS: "group folders", MAIL: "mailboxes"}

Progress = Callable[[int, int, str], None]
Deleted = Callable[[Former], None]


class Helper(Protocol):
    """What is needed of ``privileged.client.PrivilegedClient``."""

    def home_make(self, login: str, uid: int, gid: int) -> object:
        """Make a home, or bring it under its name."""

    def group_make(self, name: str, gid: int, was: str | None = None) -> object:
        """Make a group folder, or bring it under its name."""

    def group_mend(self, name: str, gid: int) -> tuple[int, int]:
        """Give what is in it to the group; how much was another's, and how much is left."""

    def folders_list(self) -> Mapping[str, Any]:
        """Say what is there."""

    def folder_aside(self, kind: str, name: str, number: int) -> bool:
        """Put one aside."""

    def folder_remove(self, kind: str, name: str, number: int) -> bool:
        """Delete one that was put aside."""

    def rests_sweep(self) -> int:
        """Delete old rests of uploads."""


@dataclass(frozen=True, slots=True)
class Sources:
    """``directory()`` is the whole snapshot while the directory answers; ``settings()`` those in force."""

    directory: Callable[[], Snapshot | None]
    settings: Callable[[], Settings]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was done: how many were made or renamed, how many put aside, and which could not be made, and why."""

    made: int
    aside: int
    refused: tuple[tuple[Step, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Job:
    act: Callable[[], object]
    again: bool = False


class Folders:
    """``night`` is a file whose time says when the night's work was done; ``deleted`` hears whose time was over.

    ``deleting`` hears it before it is done, and may raise ``OSError``: then it is not.
    """

    def __init__(
        self,
        helper: Helper,
        sources: Sources,
        night: Path,
        deleted: Deleted = lambda _: None,
        deleting: Deleted = lambda _: None,
    ) -> None:
        self._helper = helper
        self._sources = sources
        self._night_file = night
        self._deleted = deleted
        self._deleting = deleting
        self._guard = threading.Lock()
        self._done: tuple[Mapping[str, Mapping[str, int]], datetime] | None = None
        self._night_at: datetime | None = None
        self._night_begun = self._sources.clock()
        self._jobs: list[_Job] | None = None
        self._row: tuple[bool, str] = (True, "not looked at yet")

    def work(self) -> float:
        """Do what is due; gives the seconds until the next look."""
        snapshot = self._sources.directory()
        if snapshot is None:
            return _LOOK
        settings, now = self._sources.settings(), self._sources.clock()
        wanted = _wanted(snapshot)
        try:
            every = _EVERY if self._row[0] else _EVERY_UNWELL
            if self._done is None or self._done[0] != wanted or not timedelta(0) <= now - self._done[1] < every:
                self.tidy(snapshot)
            if self._jobs is None and self._night_before(now) < latest(
                settings.quota.count_at, now, settings.school.zone
            ):
                self._begin_night(wanted, now)
            if self._jobs is not None:
                return self._go_on(self._jobs)
        except (Unreachable, RequestRefused) as problem:
            if self._row[0]:
                LOG.warning("the folders on the disk cannot be looked at: the privileged helper gives no answer")
            text = f"the privileged helper does not tell: {problem}; see journalctl -u schoolserver-privileged"
            self._row = (False, text)
            self._done = None
            return _AGAIN
        return _LOOK

    def tidy(self, snapshot: Snapshot, allow_gone: bool = False) -> Tidied:
        """Make ``snapshot`` true on the disk; gives what was done.

        ``allow_gone``: however many are put aside. Raises ``Unreachable`` and ``RequestRefused``.
        """
        with self._guard:
            wanted, found = _wanted(snapshot), self.found()
            share = 1.0 if allow_gone else self._sources.settings().accounts.gone_share
            todo = tidying(found, wanted, share, allow_none=allow_gone)
            refused = tuple((step, problem) for step in todo.make if (problem := self._made(step)))
            for step in todo.aside:
                self._helper.folder_aside(step.kind, step.name, step.number)  # or making one has done it
            if todo.aside:
                LOG.info("%d folders whose account or group is gone are put aside", len(todo.aside))
            found = self.found() if todo.make or todo.aside else found
            self._row = _told(found, todo, refused, self._keep, renamed(found, wanted[HOMES]))
            self._done = (wanted, self._sources.clock())
            return Tidied(len(todo.make) - len(refused), len(todo.aside), refused)

    def found(self) -> Found:
        """Ask what is on the disk; raises ``Unreachable`` and ``RequestRefused``."""
        return Found.read(self._helper.folders_list())

    def mend(
        self, groups: Mapping[str, int], progress: Progress = lambda *_: None, helper: Helper | None = None
    ) -> tuple[int, int]:
        """Give all in the folders of ``groups`` (name to id) to their members; how much was another's, and is left.

        Through ``helper``, if it should delay nobody. Raises ``Unreachable`` and ``RequestRefused``.
        """
        changed = left = 0
        for done, (name, gid) in enumerate(groups.items()):
            progress(done, len(groups), "group folders")
            one = (helper or self._helper).group_mend(name, gid)
            changed, left = changed + one[0], left + one[1]
        if changed or left:
            LOG.info("%d files and folders are given to the group they lie in; %d have a second name", changed, left)
        return changed, left

    def check(self) -> dict[str, Any]:
        """Give the row of status."""
        ok, text = self._row
        return {"name": "folders", "ok": ok, "text": text}

    @property
    def _keep(self) -> timedelta:
        return timedelta(seconds=self._sources.settings().fileshare.keep_aside)

    def _made(self, step: Step) -> str | None:
        try:
            if step.kind == HOMES:
                self._helper.home_make(step.name, step.number, step.number)
            else:
                self._helper.group_make(step.name, step.number, step.was)
        except RequestRefused as refusal:
            return refusal.text
        return None

    def _begin_night(self, wanted: Mapping[str, Mapping[str, int]], now: datetime) -> None:
        """Delete whose time is over, before anything that may take long or fail; the rest is done one by one."""
        with self._guard:
            over = due(self.found().former, self._keep, now.date())
            for one in over:
                with suppress(RequestRefused):
                    self._delete(one)
            self._done = None if over else self._done
        self._night_begun = now
        self._jobs = [_Job(self._helper.rests_sweep)]
        self._jobs += [_Job(partial(self.mend, {name: gid})) for name, gid in wanted[GROUPS].items()]

    def _go_on(self, jobs: list[_Job]) -> float:
        """Do one of ``jobs``, so that nobody's new folder waits for all of them.

        What is refused waits for the next night. What takes too long is tried once more, after the others.
        """
        if jobs:
            job = jobs.pop(0)
            try:
                job.act()
            except RequestRefused:
                LOG.warning("a part of the night's work on the folders is refused; see the unit privileged")
            except Unreachable:
                if not job.again:
                    jobs.append(_Job(job.act, again=True))
                raise
        if jobs:
            return _NEXT
        self._jobs = None
        self._night_was(self._night_begun)
        return _LOOK

    def _delete(self, one: Former) -> None:
        self._deleting(one)
        if self._helper.folder_remove(one.kind, one.name, one.number):
            self._deleted(one)

    def _night_before(self, now: datetime) -> datetime:
        """When the night's work was last done: servers are off at night, so it is on the disk. At first that is now."""
        if self._night_at is None:
            try:
                self._night_at = datetime.fromtimestamp(self._night_file.stat().st_mtime, UTC)
            except OSError:
                self._night_was(now)
        before = self._night_at or now
        return before if before <= now else datetime.fromtimestamp(0, UTC)  # a clock had gone wrong

    def _night_was(self, now: datetime) -> None:
        self._night_at = now
        try:
            self._night_file.touch(mode=0o600)
            os.utime(self._night_file, (now.timestamp(), now.timestamp()))
        except OSError as error:
            LOG.warning("when the folders were last seen to cannot be kept: %s", os.strerror(error.errno or 0))


def _wanted(snapshot: Snapshot) -> Mapping[str, Mapping[str, int]]:
    return {
        HOMES: {account.login: account.uid for account in snapshot.accounts.values()},
        GROUPS: {group.name: group.gid for group in snapshot.groups.values()},
    }


def _told(
    found: Found, todo: Tidying, refused: Sequence[tuple[Step, str]], keep: timedelta, other: int
) -> tuple[bool, str]:
    """Say how it stands, and what the carer has to do if anything; names nobody, for this goes out in mails."""
    wrong = [
        f"{gone} of {all_} {_WORDS[kind]} belong to nobody in the directory: is it complete? If so: "
        "schoolserver folders tidy --allow-gone"
        for kind, (gone, all_) in todo.withheld.items()
    ]
    failed = Counter((step.kind, reason) for step, reason in refused).most_common(_SHOWN)
    wrong += [f"{count} {_WORDS[kind]} are not made: {reason}" for (kind, reason), count in failed]
    if failed:
        wrong.append("see: schoolserver folders tidy")
    if wrong:
        return False, "; ".join(wrong)
    text = " and ".join(f"{len(found.standing[kind])} {_WORDS[kind]}" for kind in (HOMES, GROUPS))
    if found.former:
        first = min(one.day for one in found.former) + keep
        count = len({(one.kind == GROUPS, one.name, one.number) for one in found.former})
        text += f"; {count} put aside (schoolserver folders list), the first is deleted after {first}"
    if other:
        text += f"; {other} of them are homes whose numbers have other logins now: if it is the same person, "
        text += "schoolserver folders give"
    return True, text
