"""What tables are printed on, and how an instant stands in one. May live here: that. May not: what is in a table."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console


def wide_console() -> Console:
    """Give standard output; a pipe gets whole lines, however narrow the window that nobody looks at."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def minute(instant: str) -> str:
    """Give an ``instant`` (ISO 8601) to the minute, by the clock that it was told in."""
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M}"
