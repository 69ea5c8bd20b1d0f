"""What a drill tries: whose homes, which of their files, whose mailbox. Pure: the chance is given, nothing is read.

May live here: the choice. May not: reading accounts or sections, or where chance comes from: a drill takes the
operating system's, so that nobody can know before what will be looked at.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Final

PEOPLE: Final = 5
"""People of each role, and group folders, of which a drill tries files."""
FILES: Final = 10
"""Files that it tries of each of them."""

_TRIES: Final = 4
_ROOT: Final = b"."


def in_random_order(names: Iterable[str], chance: random.Random) -> list[str]:
    """Give ``names`` as they come first, second and so on; as many as are tried to find :data:`PEOPLE` in a copy."""
    found = sorted(names)
    return chance.sample(found, min(len(found), PEOPLE * _TRIES))


def by_role(people: Iterable[tuple[str, str]], chance: random.Random) -> dict[str, list[str]]:
    """Give the logins of each role in random order, from pairs of login and role; a role of nobody is not there."""
    roles: dict[str, list[str]] = {}
    for login, role in people:
        roles.setdefault(role, []).append(login)
    return {role: in_random_order(logins, chance) for role, logins in sorted(roles.items())}


def files(sizes: Iterable[tuple[bytes, int]], budget: int, chance: random.Random, most: int = FILES) -> list[bytes]:
    """Choose at most ``most`` of the paths, of ``budget`` bytes together, from pairs of path and size in bytes.

    Each of them is as likely as any other, but for the budget: what does not fit any more is passed over. However many
    there are, no more than ``most`` are held at a time.
    """
    held: list[tuple[bytes, int]] = []
    for seen, pair in enumerate(sizes):
        if len(held) < most:
            held.append(pair)
        elif (place := chance.randrange(seen + 1)) < most:
            held[place] = pair
    chance.shuffle(held)
    chosen: list[bytes] = []
    for path, size in held:
        if size <= budget:
            budget -= size
            chosen.append(path)
    return chosen


def with_folders(paths: Iterable[bytes]) -> list[bytes]:
    """Give ``paths`` and the folders above each, up to the unit's own (``.``), sorted and each once."""
    return sorted({above for path in paths for above in _upwards(path)} | {_ROOT})


def _upwards(path: bytes) -> Iterator[bytes]:
    while path and path != _ROOT:
        yield path
        path = path.rpartition(b"/")[0]
