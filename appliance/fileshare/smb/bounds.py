"""How large a file an SMB session may make, and what tells a file that was cut there. Pure: numbers in, numbers out.

SMB says neither how large an upload will be nor whether it came to its end. So the kernel ends it: one byte beyond
what the person may. A file of just that size has more than anybody may have made: it can only be what was cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_MOST = 1000  # more than there can be between two counts, twenty a second


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes: ``left`` when the person was counted last, ``written`` what he may have written since.

    ``grown`` is the size that the largest of his open files had then: it may become larger still.
    """

    left: int
    written: int = 0
    grown: int = 0


def largest(upload: int, room: Room | None, full: bool) -> int:
    """Give the bytes that a file may have at the most; 0: none may grow.

    ``upload`` is the limit of transfers, ``room`` that of his quota (``None``: it has no bound), ``full``: the disk's
    reserve is in use. Whoever may have written all that was left is held still until he is counted.
    """
    if full:
        return 0
    if room is None:
        return upload
    return 0 if room.written >= room.left else min(upload, room.left + room.grown)


def confined(sizes: Iterable[int]) -> int:
    """Give the limit (RLIMIT_FSIZE) of a process in which files may have ``sizes`` for its persons; 0: none grows."""
    least = min(sizes, default=0)
    return least + 1 if least else 0


@dataclass(slots=True)
class Cuts:
    """The limits that were in force since somebody's files were looked at last, each with its first instant.

    Of very many those that were in force last are known. ``begun`` is when the first of his sessions did, of those
    without a gap. Instants are seconds since 1970, as files have them.
    """

    begun: float
    since: dict[int, float] = field(default_factory=dict)

    def note(self, limit: int, now: float) -> None:
        """Remember that ``limit`` is in force from ``now`` on."""
        if limit:
            self.since[limit] = self.since.pop(limit, now)
            if len(self.since) > _MOST:
                del self.since[next(iter(self.since))]

    def suspects(self, written: int) -> dict[int, float]:
        """Give the limits that ``written`` bytes can have reached, and since when they were in force."""
        return {limit: since for limit, since in self.since.items() if limit <= written}
