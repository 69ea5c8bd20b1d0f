"""What somebody sees as folders, and which place on the disk a path means (K05). Pure: no file is touched.

May live here: the shape ``/Home``, ``/Groups/NAME``, ``/Staff`` and the way from a path to a place. May not: the disk,
permissions. A path never leaves the folders of its account: ``..`` is worked out on the text, before any file is
opened, and what is not in the table does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.policy.account import Account, GroupKind
from appliance.policy.snapshot import Snapshot
from appliance.policy.targets import path_parts

HOME, GROUPS, STAFF = "Home", "Groups", "Staff"
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_NAME = 255
_MOST_PARTS = 128
_LONGEST_PATH = 1024  # bytes below a share: programs, the nightly copy among them, know no path of more than 4096


class NoSuchPlace(LookupError):
    """The path names nothing that this account could have."""


@dataclass(frozen=True, slots=True)
class Hall:
    """A folder that is on no disk: ``names`` is all there is in it, and nothing can be put there."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Something on the disk: ``parts`` below the folder ``name`` of ``area`` (``homes`` or ``groups``)."""

    area: str
    name: str
    parts: tuple[str, ...] = ()

    @property
    def room(self) -> tuple[int, int]:
        """How many parts, and bytes with a slash before each, a path may have beyond it; below 0: it is none itself."""
        return _MOST_PARTS - len(self.parts), _LONGEST_PATH - sum(len(part.encode()) + 1 for part in self.parts)


@dataclass(frozen=True, slots=True)
class Shares:
    """The folders of one account: its home, its groups by name, and the gids of all its groups (sorted)."""

    home: Place
    groups: Mapping[str, Place]
    staff: Place | None
    gids: tuple[int, ...]

    @property
    def in_exam(self) -> Shares:
        """What is left of them while an exam is written: the home, and no right to what others can write."""
        return Shares(self.home, {}, None, ())


def shares_of(snapshot: Snapshot, account: Account) -> Shares:
    """Give what ``account`` has by ``snapshot``; its staff group with the lowest gid is ``Staff``."""
    groups = sorted(
        (snapshot.groups[name] for name in account.groups if name in snapshot.groups), key=lambda group: group.gid
    )
    gids = tuple(group.gid for group in groups)
    groups = [group for group in groups if _FOLDER_NAME.fullmatch(group.name) and ".." not in group.name]
    staff = next((group for group in groups if group.kind is GroupKind.STAFF), None)
    return Shares(
        home=Place("homes", account.login),
        groups={group.name: Place("groups", group.name) for group in groups if group is not staff},
        staff=None if staff is None else Place("groups", staff.name),
        gids=gids,
    )


def locate(shares: Shares, path: str) -> Hall | Place:
    """Say what the absolute ``path`` means; raises :class:`NoSuchPlace`, also for names that no disk takes."""
    parts = path_parts(path)
    if not parts:
        tops = ((HOME, True), (GROUPS, bool(shares.groups)), (STAFF, shares.staff is not None))
        return Hall(tuple(name for name, shown in tops if shown))
    top, *rest = parts
    found: Place | None = None
    if top == HOME:
        found = shares.home
    elif top == STAFF:
        found = shares.staff
    elif top == GROUPS and shares.groups:
        if not rest:
            return Hall(tuple(sorted(shares.groups)))
        found = shares.groups.get(rest.pop(0))
    if found is None or not all(map(is_name, rest)):
        raise NoSuchPlace
    place = Place(found.area, found.name, tuple(rest))
    if min(place.room) < 0:
        raise NoSuchPlace
    return place


def is_name(text: str) -> bool:
    """Whether ``text`` may be the name of a file here: UTF-8 of at most 255 bytes without control characters."""
    try:
        return len(text.encode()) <= _LONGEST_NAME and not _CONTROL.search(text)
    except UnicodeEncodeError:
        return False
