"""What must fit together in ``access.yaml``; in every file that names rooms or holidays that there are such."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from typing import TypeVar

from appliance.daemon.options_reading import WRONG, Reading
from appliance.policy.account import Service
from appliance.policy.schedule import Holidays
from appliance.settings.access import RuleEntry
from appliance.settings.rule_words import Words

_Rule = TypeVar("_Rule", bound=Words)


def _entries(reading: Reading, kind: type[_Rule]) -> Iterator[tuple[str, _Rule]]:
    """Give path and value of each rule that is right by itself, even if another is not."""
    for path, value in list(reading.values.items()):
        if isinstance(value, kind):
            yield path, value


def _one_answer(reading: Reading) -> None:
    for path, entry in _entries(reading, RuleEntry):
        if (entry.allow is None) == (entry.deny is None):
            found = "neither allow nor deny" if entry.allow is None else "both allow and deny"
            reading.report(reading.sources[path], found, "exactly one of allow and deny, with a list of services")


def _rooms(reading: Reading) -> None:
    rooms = reading.value("network.rooms")
    for path, entry in _entries(reading, Words):
        for number, room in enumerate(entry.rooms):
            _known(reading, rooms, f"{path}.rooms[{number}]", room)


def _limit_rooms(reading: Reading) -> None:
    rooms = reading.value("network.rooms")
    for room in reading.value("access.limits").rooms:
        _known(reading, rooms, f"access.limits.rooms.{room}", room)


def _lesson_rooms(reading: Reading) -> None:
    rooms = reading.value("network.rooms")
    for room in reading.value("web.lessons").rooms:
        _known(reading, rooms, f"web.lessons.rooms.{room}", room)


def _known(reading: Reading, rooms: Collection[str], path: str, room: str) -> None:
    if room not in rooms:
        allowed = f"a room of network.yaml: {', '.join(rooms) or 'there is none'}"
        near = "".join(get_close_matches(room, rooms, 1)) if not reading.full else ""
        reading.report(reading.sources[path], repr(room), allowed, near)


def _targets(reading: Reading) -> None:
    for path, entry in _entries(reading, RuleEntry):
        if entry.targets and set(entry.allow or entry.deny or ()) - {Service.WEB}:
            allowed = "targets in rules about web alone"
            reading.report(reading.sources[f"{path}.targets"], "targets in a rule about other services", allowed)


def _pc_rooms(reading: Reading) -> None:
    """Log-on at PCs is open or closed in the directory, which does not ask from which PC: a rule would promise more."""
    for path, entry in _entries(reading, RuleEntry):
        if entry.rooms and Service.PC in (entry.allow or entry.deny or ()):
            allowed = "rooms in rules without pc: log-on is open or closed at all PCs alike"
            reading.report(reading.sources[f"{path}.rooms"], "rooms in a rule about pc", allowed)


def _holidays(reading: Reading) -> None:
    named = reading.value("school.holidays")
    for path, entry in _entries(reading, Words):
        if entry.holidays is not Holidays.ANY and not named:
            found = f"{entry.holidays}, though school.yaml names no holidays"
            reading.report(reading.sources[f"{path}.holidays"], found, "any, or holidays in school.yaml")


def _unreachable(reading: Reading) -> None:
    """A rule for everyone, everywhere and always leaves later rules about the same services without effect."""
    if reading.values.get("access.rules", WRONG) is WRONG:
        return
    closed: dict[Service, str] = {}
    for path, entry in _entries(reading, RuleEntry):
        services = set(entry.allow or entry.deny or ())
        if services and services <= closed.keys():
            first = closed[sorted(services)[0]]
            reading.report(reading.sources[path], f"a rule that never decides, after {first}", "rules that can decide")
        narrow = (*entry.roles, *entry.groups, *entry.users, *entry.rooms, *entry.targets)
        if not narrow and entry.at_all_times:
            closed.update(dict.fromkeys(services - closed.keys(), str(reading.sources[path])))


ACCESS_CHECKS: tuple[Callable[[Reading], None], ...] = (
    _one_answer,
    _rooms,
    _limit_rooms,
    _lesson_rooms,
    _targets,
    _pc_rooms,
    _holidays,
    _unreachable,
)
