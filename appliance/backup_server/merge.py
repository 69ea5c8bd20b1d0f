"""What has to be done to the base's copy of a unit so that it is what the new section says. Pure: lines in, steps out.

May live here: set operations on lines. May not: files. A line that both sections have costs nothing but its place in a
set; only the others are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from appliance.backup_server.manifest import Entry, path_of


@dataclass(frozen=True, slots=True)
class Change:
    """Steps, in this order: ``removed`` (path, is it a folder; the inner first), ``folders`` and ``others`` to come.

    ``folders`` come outer first; one that is there already only gets its attributes. ``times``: what the folders that
    were written to, or are new, say about their time (ns).
    """

    removed: Sequence[tuple[bytes, bool]]
    folders: Sequence[Entry]
    others: Sequence[Entry]
    times: Mapping[bytes, int]


def change(base: Collection[bytes], new: Sequence[bytes], lacking: Collection[bytes] = ()) -> Change:
    """Compare the lines of a unit: those in ``base`` are held but for the ``lacking``, those in ``new`` are wanted.

    The lines of ``new`` are a checked section's. What is lacking may be there as something else.
    """
    held = frozenset(base).difference(lacking)
    fresh = [Entry.read(line) for line in new if line not in held]
    stale = held.difference(new).union(lacking)
    gone = [(path_of(line), line.startswith(b"d ")) for line in stale]
    folders = [entry for entry in fresh if entry.kind == "d"]
    staying = {entry.path for entry in folders}
    removed = sorted((one for one in gone if not (one[1] and one[0] in staying)), reverse=True)
    touched = {above(path) for path, _ in removed} | {above(entry.path) for entry in fresh} | staying
    touched.discard(b"")
    times = {}
    for line in new:
        if line.startswith(b"d ") and (path := path_of(line)) in touched:
            times[path] = Entry.read(line).mtime_ns
    return Change(removed, folders, [entry for entry in fresh if entry.kind != "d"], times)


def above(path: bytes) -> bytes:
    """The folder that ``path`` of a section is in; empty for the unit itself."""
    if path == b".":
        return b""
    return path.rpartition(b"/")[0] or b"."
