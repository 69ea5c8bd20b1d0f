"""Who may take a measure for a lesson: teachers for their classes and their rooms, and who administers, for all.

May live here: this one rule. May not: what a measure does (``lessons``), how long it may last (``settings``), how it
is kept. It is the same for whoever asks: a carer in a teacher's name, or a page that a teacher has signed in to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from appliance.policy.account import Account, GroupKind, Role

if TYPE_CHECKING:
    from appliance.policy.snapshot import Snapshot

_TAUGHT: Final = frozenset({GroupKind.CLASS, GroupKind.COURSE})


def hindrance(
    snapshot: Snapshot,
    leader: Account,
    group: str | None,
    room: str | None,
    teachers_of: Mapping[str, Collection[str]],
    now: datetime,
) -> str | None:
    """Say why ``leader`` may not lead a lesson of ``group``, in ``room``, or both; ``None``: he may.

    A teacher may for the classes and courses that he is a member of, and in each room, unless ``teachers_of`` (logins
    by room) names others for it. An administrator may for every group of the school, in every room.
    """
    if leader.disabled or leader.hidden or any(lock.service is None and lock.holds(now) for lock in leader.locks):
        return "the account is closed"
    if leader.role is Role.ADMIN:
        return None
    if leader.role is not Role.TEACHER:
        return f"lessons are led by teachers, and this is an account of role {leader.role}"
    if group is not None:
        found = snapshot.groups.get(group)
        if found is None or found.kind not in _TAUGHT:
            return f"{group} is neither a class nor a course"
        if group not in leader.groups:
            return f"the account is no member of {group}"
    if room is not None and leader.login not in teachers_of.get(room, (leader.login,)):
        return f"web.yaml lessons.rooms names others for room {room}"
    return None
