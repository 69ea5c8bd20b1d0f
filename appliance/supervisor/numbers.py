"""The row of status about numeric ids that two have at once: there is one only where something is wrong (K05).

May live here: counting them. May not: whose they are, for an alert goes out of the house (``check --directory`` says).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.directory.numbers import shared_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.directory.records import DirectoryState


class Numbers:
    """Looks at the directory as ``read`` gives it, again only when that is another."""

    def __init__(self, read: Callable[[], DirectoryState | None]) -> None:
        self._read = read
        self._seen: DirectoryState | None = None
        self._row: dict[str, Any] | None = None

    def check(self) -> dict[str, Any] | None:
        """Give the row, ``None`` if each number has one owner."""
        state = self._read()
        if state is not self._seen:
            count = 0 if state is None else len(shared_numbers(state))
            text = f"{count} with more than one owner, who read each other's files: schoolserver check --directory"
            self._row = {"name": "numbers", "ok": False, "text": text} if count else None
            self._seen = state
        return self._row
