"""How drills stand: whether the last one is young enough and found nothing, and since when there are faults.

May live here: what the supervisor reads of them, and rules about it. May not: drilling. Nothing in it names a person
or a file of one.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from appliance.backup.drill_result import Result, decode

KEPT: Final = 60
"""So many results stay, a year and more of weekly drills."""
MOST: Final = timedelta(days=10)
"""With no younger drill than this, status is not well."""
PROBLEM: Final = "problem.json"
"""Beside the results: why the last drill came to no end."""

_RESULT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}\.json", re.ASCII)
_LONGEST = 1024 * 1024


def folder(own: Path) -> Path:
    """Where results lie below our ``own`` folder; those who may read that one may read this."""
    return own / "drills"


def results(drills: Path) -> Iterator[tuple[Path, Result]]:
    """Give the results in ``drills``, the newest first, each with its file; what is damaged is passed over."""
    for path in files(drills):
        with contextlib.suppress(OSError, ValueError):
            yield path, decode(path.read_bytes())


def files(drills: Path) -> list[Path]:
    """Give the files of results in ``drills``, the newest first; each has its signature beside it (``.sig``)."""
    try:
        return sorted((path for path in drills.iterdir() if _RESULT.fullmatch(path.name)), reverse=True)
    except FileNotFoundError:
        return []


def bad_since(found: Sequence[Result]) -> datetime | None:
    """Give when the first drill of an unbroken row of bad ones, up to the last, began; ``found`` is newest first."""
    since = None
    for result in found:
        if result.well:
            break
        since = result.began
    return since


def judged(found: Sequence[Result], set_up: datetime, problem: str | None, now: datetime) -> tuple[bool, str]:
    """Whether all is well with drills (newest first), and why; ``set_up``: since when there could have been one.

    ``problem``: why one that was begun after the last of ``found`` came to no end.
    """
    last = found[0] if found else None
    age = max(now - (last.began if last else set_up), timedelta())
    said = f"the last drill was {_days(age)} ago" if last else f"no drill yet, set up {_days(age)} ago"
    if last is not None:
        said += f" and found {_found(last.faults)}" if last.faults else " and found nothing wrong"
    since = bad_since(found)
    if since is not None:
        said += f", faults since {since:%Y-%m-%d}; see schoolserver backup report"
    if problem is not None:
        said += f"; since then: {problem}"
    return age <= MOST and since is None, said


def problem(drills: Path) -> str | None:
    """Why the last drill that was begun came to no end; ``None``: it did."""
    try:
        kept = json.loads((drills / PROBLEM).read_bytes()[:_LONGEST])
    except (OSError, ValueError):
        return None
    text = kept.get("problem") if isinstance(kept, dict) else None
    return text if isinstance(text, str) else None


def _found(faults: Mapping[str, Mapping[str, int]]) -> str:
    return ", ".join(f"{sum(kinds.values())} fault(s) in {part}" for part, kinds in sorted(faults.items()))


def _days(age: timedelta) -> str:
    return f"{age.days} days" if age >= timedelta(days=2) else f"{int(age.total_seconds() // 3600)} h"
