"""What somebody has set for a lesson: a room without the web, an exam, sites that are open for a while.

May live here: such a measure, whom it is about, what all of them say to one request. May not: who may take one
(``leading``), state, access and rules about sites, and the order of these (``rules``). Measures are about pupils: who
teaches in the room goes on working. Exams are asked first, then what is opened, then what is blocked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Deny, Reason, Rule
from appliance.policy.targets import is_below, path_parts

if TYPE_CHECKING:
    from appliance.policy.request import Request
    from appliance.policy.snapshot import Snapshot

_SHARED = frozenset({"Groups", "Staff"})
"""Folders at the top of the drives in which somebody else may have put a file."""
_Said = tuple[Rule | Deny | None, datetime | None]


class Measure(StrEnum):
    """What is done; in the order in which they are asked."""

    EXAM = "exam"
    ALLOW = "allow"
    BLOCK = "block"


_ORDER = {measure: place for place, measure in enumerate(Measure)}


@dataclass(frozen=True, slots=True)
class Lesson:
    """``measure`` number ``number`` is in force from ``since`` until ``until`` (aware, kept in UTC).

    It is about pupils: of ``group``, in ``room``, or both. An exam leaves its group ``targets`` (domains in lower case,
    IDNA, with all below them) of the web, in ``room`` alone if it has one, and closes mail, group folders and log-on
    at PCs, unless ``log_on`` leaves that open. What is allowed are ``targets``, to the group or in the room. Blocked is
    the web in the room. By whom is not here: the supervisor's state knows it. Raises ``ValueError`` for an instant
    without a time zone.
    """

    number: int
    measure: Measure
    since: datetime
    until: datetime
    group: str | None = None
    room: str | None = None
    targets: tuple[str, ...] = ()
    log_on: bool = False

    def __post_init__(self) -> None:
        for name, instant in (("since", self.since), ("until", self.until)):
            if instant.tzinfo is None:
                raise ValueError(f"a measure needs a time zone in {name}")
            object.__setattr__(self, name, instant.astimezone(UTC))

    def holds(self, now: datetime) -> bool:
        """Whether it counts at the aware instant ``now``."""
        return self.since <= now < self.until

    def next_change(self, now: datetime) -> datetime | None:
        """Give the first instant after ``now`` at which it begins or ends; ``None``: it is over."""
        return min((instant for instant in (self.since, self.until) if instant > now), default=None)

    def covers(self, account: Account, room: str | None) -> bool:
        """Whether it is about ``account`` in ``room``, whatever the time."""
        if account.role is not Role.PUPIL or account.hidden:
            return False
        in_group = self.group is not None and self.group in account.groups
        return in_group or (self.measure is not Measure.EXAM and self.room is not None and self.room == room)

    def names(self, host: str) -> bool:
        """Whether ``host`` (lower case, IDNA) is one of its targets, or below one."""
        return is_below(host, self.targets)

    def rule(self, zone: ZoneInfo, web: bool = True) -> Rule:
        """Give what a decision on the ``web``, or on something else, shows of it; its end by a clock in ``zone``."""
        until = f"until {self.until.astimezone(zone):%Y-%m-%d %H:%M}"
        sites = ", ".join(self.targets)
        if self.measure is Measure.BLOCK:
            text = f"the web is blocked in room {self.room} {until}"
        elif self.measure is Measure.ALLOW:
            text = f"{sites} open {f'to {self.group}' if self.group else f'in room {self.room}'} {until}"
        elif not web:
            text = f"exam of {self.group} {until}"
        else:
            left = f"of the web {sites}" if sites else "nothing of the web"
            where = f" in room {self.room} alone" if sites and self.room else ""
            text = f"exam of {self.group} {until}; {left}{where} is open"
        return Rule(f"state lesson {self.number}", text)


def lesson_for(
    snapshot: Snapshot, account: Account, request: Request, room: str | None, host: str | None, now: datetime
) -> _Said:
    """Say what lessons make of ``request`` of ``account``, which comes from ``room`` if that is known.

    On the web it is about ``host`` (a sign-in names none, and nothing stands against it); in mail, files and at PCs
    only exams say anything. Gives what opens, a refusal, or nothing, and the next instant (UTC) at which this may be
    another; the refusal itself bears none.
    """
    if not _asked(request, host):
        return None, None
    edges: list[datetime] = []
    opened: Rule | None = None
    for lesson in _about(snapshot, account, request, room, host):
        if opened is not None and lesson.measure is not Measure.EXAM:
            break
        change = lesson.next_change(now)
        edges += [] if change is None else [change]
        if not lesson.holds(now):
            continue
        rule = lesson.rule(snapshot.zone, request.service is Service.WEB)
        if lesson.measure is Measure.BLOCK:
            return Deny(Reason.LESSON, rule), min(edges)
        if lesson.measure is Measure.EXAM and not _left(lesson, room, host):
            return Deny(Reason.EXAM, rule), min(edges)
        opened = opened or rule
    return opened, min(edges, default=None)


def in_exam(snapshot: Snapshot, account: Account, now: datetime) -> bool:
    """Whether ``account`` writes an exam at the aware instant ``now``."""
    return any(
        lesson.measure is Measure.EXAM and lesson.covers(account, None) and lesson.holds(now)
        for lesson in snapshot.lessons
    )


def _asked(request: Request, host: str | None) -> bool:
    if request.service is Service.WEB:
        return host is not None
    return request.service is not Service.FILES or _is_shared(request.target)


def _about(snapshot: Snapshot, account: Account, request: Request, room: str | None, host: str | None) -> list[Lesson]:
    """Give the lessons about ``account`` in the order in which they are asked, those that may say nothing left out."""
    if account.role is not Role.PUPIL:
        return []
    found = [lesson for lesson in snapshot.lessons if lesson.covers(account, room)]
    if request.service is not Service.WEB:
        found = [lesson for lesson in found if lesson.measure is Measure.EXAM]
    if request.service is Service.PC:
        found = [lesson for lesson in found if not lesson.log_on]
    if host is not None:
        found = [lesson for lesson in found if lesson.measure is not Measure.ALLOW or lesson.names(host)]
    return sorted(found, key=lambda lesson: _ORDER[lesson.measure])


def _left(lesson: Lesson, room: str | None, host: str | None) -> bool:
    """Whether the exam leaves ``host`` open to whoever is in ``room``."""
    return host is not None and lesson.room in (None, room) and lesson.names(host)


def _is_shared(path: str) -> bool:
    """Whether the share path leads to what others can write."""
    return not _SHARED.isdisjoint(path_parts(path)[:1])
