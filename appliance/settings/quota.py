"""``quota.yaml``: how much everyone may keep, mail and files together (K11), and when the disk is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from types import MappingProxyType

from appliance.daemon.options import Option, option
from appliance.daemon.options_numbers import size
from appliance.daemon.options_table import Table
from appliance.daemon.options_times import TIME_OF_DAY
from appliance.policy.account import Role

_SIZE = size()
_ROLES = (
    Option(Role.PUPIL, _SIZE, "1 GB", "Space of a pupil.", example="500 MB"),
    Option(Role.TEACHER, _SIZE, "5 GB", "Space of a teacher.", example="10 GB"),
    Option(Role.STAFF, _SIZE, "5 GB", "Space of somebody of the staff.", example="2 GB"),
    Option(Role.OFFICE, _SIZE, "5 GB", "Space of somebody of the office.", example="20 GB"),
    Option(Role.ADMIN, _SIZE, "5 GB", "Space of an administrator.", example="0 B"),
)


def _by_role(**values: int) -> Mapping[Role, int]:
    return MappingProxyType({Role(name): value for name, value in values.items()})


@dataclass(frozen=True, slots=True)
class Quota:
    """Space in bytes by role, 0 for no bound; ``count_at``: when the disk is counted, in the school's time zone."""

    roles: Mapping[Role, int] = option(
        Table(_ROLES, _by_role),
        {},
        "Space for mail and files together, by role; 0 B for no bound. For one account: schoolserver quota set.",
    )
    count_at: time = option(
        TIME_OF_DAY,
        "02:30",
        "When the disk is counted each night, so that what was changed past our services counts too.",
        example="04:00",
    )
