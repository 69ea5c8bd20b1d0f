"""What is wrong with the copies here. Pure: what was seen and ``now`` are given; ``watch`` looks.

May live here: these rules, and their words for the mail. May not: files, clocks, how often (``alarm_rule``). No word
names a person or a file of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.backup_server.alarm_rule import Trouble

_DELTAS = 2
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A request to remove somebody that nobody here has confirmed; ``ripe`` is when it is carried out all the same.

    ``consent``: a consent was withdrawn, so it should not wait.
    """

    id: str
    ripe: datetime
    consent: bool = False


@dataclass(frozen=True, slots=True)
class School:
    """How a school's copies are; instants aware.

    ``since``: it was ``paired``, so it should come. ``last``: its newest copy. ``failed``: why the last attempt failed,
    ``None`` if it did not. ``delta``: bytes that its last copy added. ``problem``: why its store cannot be looked at.
    """

    name: str
    since: datetime
    paired: bool = True
    last: datetime | None = None
    failed: str | None = None
    delta: int = 0
    forgetting: Sequence[Forgetting] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of the copies, in bytes; ``least``: the share that should be free."""

    free: int
    total: int
    least: float
    encrypted: bool


def troubles(schools: Sequence[School], disk: Disk, silent: timedelta, now: datetime) -> list[Trouble]:
    """Give all trouble that there is ``now``; a school may be ``silent`` for so long. Without one there is none."""
    if not schools:
        return []
    delta = sum(one.delta for one in schools)
    return [*_of_disk(disk, delta), *(one for school in schools for one in _of(school, silent, now))]


def _of_disk(disk: Disk, delta: int) -> Iterator[Trouble]:
    if disk.free < disk.total * disk.least or disk.free < _DELTAS * delta:
        text = f"The disk of the copies is nearly full: {_gb(disk.free)} of {_gb(disk.total)} are free."
        yield Trouble("disk", f"{text} Give it more room, or keep fewer copies (/etc/schoolserver-backup-server.conf).")
    if not disk.encrypted:
        text = "The disk of the copies is not encrypted: whoever carries it away can read everything but the dumps."
        yield Trouble("encryption", f"{text} The handbook says how it is encrypted.", once=True)


def _of(school: School, silent: timedelta, now: datetime) -> Iterator[Trouble]:
    name = school.name
    if school.problem is not None:
        yield Trouble(f"store {name}", f"{name}: its copies cannot be looked at: {school.problem}")
    silence = now - max(school.last or school.since, school.since)
    if school.paired and silence > silent:
        hours = int(silence.total_seconds() // 3600)
        text = f"{name}: no copy has come for {hours} hours. Does the school's server run (schoolserver status there)?"
        yield Trouble(f"silent {name}", text)
    if school.last is not None and school.last - now > _HOUR:
        text = f"{name}: its newest copy is of the future, so nobody can tell when none comes: look at the clock here."
        yield Trouble(f"future {name}", text)
    if school.failed is not None:
        yield Trouble(f"failed {name}", f"{name}: the last copy could not be taken in: {school.failed}")
    if late := sum(now - one.ripe > _DAY for one in school.forgetting):
        text = (
            f"{name}: {late} requests to remove a person from all copies are ripe and wait, because a tenth of the"
            " accounts has gone in 30 days. Confirm those that are right, or refuse them:"
            f" schoolserver-backup-server forget list {name}"
        )
        yield Trouble(f"waiting {name}", text, once=True)
    for one in school.forgetting:
        text = (
            f"{name}: a person is to be removed from all copies (request {one.id}), on {one.ripe:%Y-%m-%d}. Who it is:"
            f" schoolserver-backup-server forget list {name}. If nobody at the school asked for that, its server was"
            " broken into:"
            f" schoolserver-backup-server forget refuse {name} {one.id}"
        )
        if one.consent:
            text += f"\nA consent was withdrawn, so it should be done now: ... forget confirm {name} {one.id}"
        yield Trouble(f"asked {name} {one.id}", text, once=True)
        if timedelta(0) <= one.ripe - now <= _DAY:
            yield Trouble(f"tomorrow {name} {one.id}", f"By tomorrow: {text}", once=True)


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
