"""Verbs about lessons: blocked rooms, exams, opened sites; by a carer, or in the name of a teacher (``as``)."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.policy.account import Account, Role
from appliance.policy.decision import Rule
from appliance.policy.events import Kind
from appliance.policy.leading import hindrance
from appliance.policy.lessons import Measure
from appliance.policy.owners import plain
from appliance.policy.targets import host_of
from appliance.supervisor.core import Core
from appliance.supervisor.lessons import KnownLesson, TooMany
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional
from appliance.supervisor.when import end_today, shown

_MOST_TARGETS = 50


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    lessons = _LessonVerbs(core)
    place, until, leader = Argument(limit=80), Argument(limit=40), optional()
    sites = Argument(list, limit=300)
    return {
        "web.block-room": Verb(lessons.block, {"room": place, "until": until, "as": leader}),
        "web.exam": Verb(
            lessons.exam,
            {
                "group": place,
                "targets": optional(list, default=(), limit=300),
                "room": optional(limit=80),
                "log_on": optional(bool, default=False),
                "until": until,
                "as": leader,
            },
        ),
        "web.allow": Verb(lessons.allow, {"whom": place, "targets": sites, "until": until, "as": leader}),
        "web.end": Verb(lessons.end, {"what": optional(limit=80), "number": optional(limit=18), "as": leader}),
        "web.lessons": Verb(lessons.list, {"as": leader}),
    }


def set_by(core: Core, rule: Rule) -> str | None:
    """Say who has set the measure that ``rule`` of a decision names, and when; ``None``: it names none."""
    for one in core.lessons.standing(core.clock()) if rule.source.startswith("state lesson ") else ():
        if rule.source == f"state lesson {one.number}":
            return f"set by {one.by} at {shown(one.since, core.settings.school.zone)}"
    return None


class _LessonVerbs:
    def __init__(self, core: Core) -> None:
        self._core = core

    def block(self, call: Call) -> dict[str, Any]:
        return self._begin(call, Measure.BLOCK, None, self._room(call.arguments["room"]), ())

    def exam(self, call: Call) -> dict[str, Any]:
        given = call.arguments
        room = None if given["room"] is None else self._room(given["room"])
        return self._begin(call, Measure.EXAM, self._group(given["group"]), room, _sites(given["targets"]))

    def allow(self, call: Call) -> dict[str, Any]:
        given = call.arguments
        targets = _sites(given["targets"])
        if not targets:
            raise VerbError("wrong-arguments", "argument 'targets' is empty; which sites are to be open?")
        name = given["whom"].strip()
        if name not in self._core.snapshot().groups and name in self._core.snapshot().rooms:
            return self._begin(call, Measure.ALLOW, None, name, targets)
        group = self._group(name, "whom")
        standing, gid = self._core.lessons.standing(self._core.clock()), self._core.snapshot().groups[group].gid
        exam = any(one.measure is Measure.EXAM and one.gid == gid for one in standing)
        return {**self._begin(call, Measure.ALLOW, group, None, targets), "exam": exam}

    def end(self, call: Call) -> dict[str, Any]:
        """End one measure by its ``number``, or all about the group or room ``what``."""
        core, given, now = self._core, call.arguments, self._core.clock()
        what, number = given["what"], given["number"]
        if (what is None) == (number is None):
            raise VerbError("wrong-arguments", "just one of the arguments 'what' (a group or a room) and 'number'")
        leader = self._leader(call)
        found = [
            one
            for one in core.lessons.standing(now)
            if (str(one.number) == number if what is None else what.strip() in (self._name(one.gid), _place(one)))
        ]
        if not found:
            raise VerbError(
                "no-lesson",
                f"nothing is set for {what}"
                if number is None
                else f"nothing is set under number {number}; see: schoolserver web lessons",
            )
        for one in found:
            self._check(leader, self._name(one.gid), one.room, now)
        core.lessons.end([one.number for one in found], now)
        published = core.in_force()
        for one in found:
            self._record(Kind.LESSON_ENDED, one, call, leader)
        return {"ended": [self._shown(one) for one in found], "published": published}

    def list(self, call: Call) -> dict[str, Any]:
        """All in force, oldest first; in a teacher's name those that are his to end."""
        leader, now = self._leader(call), self._core.clock()
        return {
            "lessons": [
                self._shown(one)
                for one in self._core.lessons.standing(now)
                if leader is None or self._hindrance(leader, self._name(one.gid), one.room, now) is None
            ]
        }

    def _begin(
        self, call: Call, measure: Measure, group: str | None, room: str | None, targets: tuple[str, ...]
    ) -> dict[str, Any]:
        core, now, leader = self._core, self._core.clock(), self._leader(call)
        self._check(leader, group, room, now)
        pupils = None if group is None else self._pupils(group)
        gid = None if group is None else core.snapshot().groups[group].gid
        by = call.by if leader is None else leader.login
        until = self._until(call.arguments["until"], now)
        try:
            log_on = bool(call.arguments.get("log_on", False))
            lesson, former = core.lessons.add(KnownLesson(measure, gid, room, targets, now, until, by, log_on=log_on))
        except TooMany as problem:
            raise VerbError("too-many", str(problem)) from problem
        published = core.in_force()
        for one in former:
            self._record(Kind.LESSON_ENDED, one, call, leader)
        self._record(Kind.LESSON_BEGUN, lesson, call, leader)
        return {
            **self._shown(lesson),
            "replaced": [one.number for one in former],
            "pupils": pupils,
            "published": published,
        }

    def _leader(self, call: Call) -> Account | None:
        """In whose name it is asked; ``None``: the carer's own, who may all."""
        login = call.arguments["as"]
        return None if login is None else self._core.account(login)

    def _check(self, leader: Account | None, group: str | None, room: str | None, now: datetime) -> None:
        problem = None if leader is None else self._hindrance(leader, group, room, now)
        if problem is not None:
            raise VerbError("not-allowed", f"{leader.login if leader else ''} may not do that: {problem}")

    def _hindrance(self, leader: Account, group: str | None, room: str | None, now: datetime) -> str | None:
        return hindrance(self._core.snapshot(), leader, group, room, self._core.settings.web.lessons.rooms, now)

    def _until(self, given: str, now: datetime) -> datetime:
        zone, longest = self._core.settings.school.zone, timedelta(seconds=self._core.settings.web.lessons.longest)
        until = end_today("until", given, zone, now).astimezone(UTC)
        if until <= now:
            raise VerbError("wrong-arguments", f"argument 'until' is {shown(until, zone)}, which has passed")
        if until - now > longest:
            latest = shown(now + longest, zone)
            raise VerbError(
                "wrong-arguments",
                f"argument 'until' is {shown(until, zone)}; {latest} is the latest (web.yaml: lessons.longest)",
            )
        return until

    def _room(self, given: str) -> str:
        name, rooms = given.strip(), self._core.snapshot().rooms
        if name not in rooms:
            known = ", ".join(rooms) or "none"
            raise VerbError("wrong-arguments", f"argument 'room' is {name!r}; rooms in network.yaml: {known}")
        return name

    def _group(self, given: str, argument: str = "group") -> str:
        name, groups = given.strip().lower(), self._core.snapshot().groups
        if name not in groups:
            near = difflib.get_close_matches(name, groups, n=3)
            hint = f"; near: {', '.join(near)}" if near else ""
            what = "group" if argument == "group" else "group or room"
            raise VerbError("unknown-group", f"there is no {what} {name!r}{hint}")
        return name

    def _pupils(self, group: str) -> int:
        accounts = self._core.snapshot().accounts.values()
        count = sum(one.role is Role.PUPIL and not one.hidden and group in one.groups for one in accounts)
        if not count:
            raise VerbError(
                "wrong-arguments", f"there is no pupil in {group}, and what is set for lessons is about pupils"
            )
        return count

    def _name(self, gid: int | None) -> str | None:
        """The name of the group; that of one that is gone is none."""
        return next((one.name for one in self._core.snapshot().groups.values() if one.gid == gid), None)

    def _shown(self, one: KnownLesson) -> dict[str, Any]:
        zone = self._core.settings.school.zone
        return {
            "number": one.number,
            "measure": one.measure,
            "group": self._name(one.gid),
            "room": one.room,
            "targets": list(one.targets),
            "log_on": one.log_on,
            "since": one.since.astimezone(zone).isoformat(timespec="seconds"),
            "until": one.until.astimezone(zone).isoformat(timespec="seconds"),
            "by": one.by,
        }

    def _record(self, kind: Kind, one: KnownLesson, call: Call, leader: Account | None) -> None:
        self._core.record(
            kind,
            number=one.number,
            measure=one.measure.value,
            group=self._name(one.gid),
            room=one.room,
            targets=one.targets,
            until=one.until.isoformat(),
            by=call.by,
            teacher=None if leader is None else leader.login,
        )


def _place(one: KnownLesson) -> str | None:
    """The room that it is about; an exam is about its group."""
    return None if one.measure is Measure.EXAM else one.room


def _sites(given: Collection[str]) -> tuple[str, ...]:
    """Give the domains, sorted, each once; raises :class:`VerbError` for all else, such as ``de`` or an address."""
    if len(given) > _MOST_TARGETS:
        raise VerbError("wrong-arguments", f"{len(given)} sites are named; {_MOST_TARGETS} are allowed")
    found = set()
    for text in given:
        host = host_of(text.strip().removeprefix("*."))
        if host is None or "." not in host or plain(host) is not None:
            raise VerbError(
                "wrong-arguments",
                f"{text[:60]!r} is no site; it must be a domain such as example.org (all below it too)",
            )
        found.add(host)
    return tuple(sorted(found))
