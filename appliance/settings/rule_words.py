"""The words in which every rule says for whom, where and when it counts, and what they mean to the policy.

May live here: these words, once for all files of rules. May not: what a rule says (``access``, ``web``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Final

from appliance.daemon.options import option
from appliance.daemon.options_collections import ListOf
from appliance.daemon.options_times import WEEKDAYS, WINDOW
from appliance.daemon.options_times import Window as Written
from appliance.daemon.options_values import choice, text
from appliance.policy.access import Who
from appliance.policy.account import Role
from appliance.policy.schedule import Days, Holidays, Schedule, Window
from appliance.settings.network import ROOM
from appliance.settings.school import School

_NAME = r"[a-z0-9][a-z0-9._-]{0,62}"
GROUP: Final = text(_NAME, "a group's name in lower case")
LOGIN: Final = text(_NAME, "a login in lower case")
EVERYONE: Final = Who(everyone=True)
_WHOLE_DAY = Written(time(0), time(0))


@dataclass(frozen=True, slots=True)
class Whom:
    """For whom a rule is, as written."""

    roles: tuple[Role, ...] = option(
        ListOf(choice(Role)),
        [],
        "Only for these roles, groups and users; if all three are empty, for everyone.",
        example=["pupil"],
    )
    groups: tuple[str, ...] = option(ListOf(GROUP), [], "See roles.", example=["klasse3a"])
    users: tuple[str, ...] = option(
        ListOf(LOGIN),
        [],
        "See roles; logins.",
        example=["fred.mustermann"],
    )

    @property
    def who(self) -> Who:
        """Whom it covers."""
        named = self.roles or self.groups or self.users
        return Who(False, frozenset(self.roles), frozenset(self.groups), frozenset(self.users)) if named else EVERYONE


@dataclass(frozen=True, slots=True)
class Words(Whom):
    """What every rule may say as written; empty fields do not narrow it."""

    rooms: tuple[str, ...] = option(ListOf(ROOM), [], "Only in these rooms of network.yaml.", example=["12"])
    weekdays: tuple[frozenset[int], ...] = option(
        ListOf(WEEKDAYS), ["mon-sun"], "Only on these days.", example=["mon-thu", "sat"]
    )
    times: tuple[Written, ...] = option(
        ListOf(WINDOW),
        ["00:00-24:00"],
        "Only at these times; over midnight too (22:00-06:00).",
        example=["07:30-13:15", "14:00-16:00"],
    )
    holidays: Holidays = option(
        choice(Holidays),
        "any",
        "In the holidays of school.yaml too (any), in them only, or not in them (except).",
        example="except",
    )

    @property
    def days(self) -> frozenset[int]:
        """All its weekdays."""
        return frozenset[int]().union(*self.weekdays)

    @property
    def at_all_times(self) -> bool:
        """Whether it counts always."""
        return len(self.days) == 7 and _WHOLE_DAY in self.times and self.holidays is Holidays.ANY

    def schedule(self, school: School) -> Schedule | None:
        """Give when it counts, ``None``: always."""
        if self.at_all_times:
            return None
        windows = tuple(Window(window.start, window.end) for window in self.times)
        off = tuple(Days(holiday.first, holiday.last) for holiday in school.holidays)
        off = off if self.holidays is not Holidays.ANY else ()
        return Schedule(self.days, windows, school.zone, self.holidays, off)
