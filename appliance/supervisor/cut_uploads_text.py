"""What somebody reads when uploads of his over SMB were cut, in the school's language. Pure.

May live here: words. May not: when they are told and how they travel (``smb_door``). The mail goes to the owner alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.supervisor.alerts_text import Letter

_LONGEST = 400
_SUBJECT = "Files that did not fit on your drive"
_BEGIN = (
    "What you put on a drive of the school did not fit: a file was larger than you may store, or your space was full. "
    "Windows calls that a full disk."
)
_REMOVED = (
    "These files were cut off and have been removed. Please store them again: smaller ones, or when you have made room."
)
_STILL_THERE = (
    "These files were there before and now lack their end. They were left as they are; the school can bring back "
    "the state of the night before."
)


@dataclass(frozen=True, slots=True)
class Cut:
    """An upload that was cut, at ``path`` as its owner sees it; ``removed``: it is no more."""

    path: str
    removed: bool


def cut_off(cuts: Sequence[Cut], translate: Callable[[str], str]) -> Letter:
    """Write to the owner of ``cuts``."""
    parts = [translate(_BEGIN)]
    for removed, words in ((True, _REMOVED), (False, _STILL_THERE)):
        paths = sorted({_plain(cut.path) for cut in cuts if cut.removed is removed})
        if paths:
            parts += [translate(words), "\n".join(f"    {path}" for path in paths)]
    return Letter(translate(_SUBJECT), "\n\n".join(parts) + "\n")


def _plain(path: str) -> str:
    """Keep a name on one line and within bounds, whatever is in it."""
    line = "".join(each if each.isprintable() else "?" for each in path)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
