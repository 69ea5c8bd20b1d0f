"""``/usr/bin/python3 -m bench [ROWS ...]``: all rows, or those of the named files."""

from __future__ import annotations

import sys
from importlib import import_module

from rich.console import Console

from bench.harness import measure

ROWS = ("password_check", "log_on", "snapshot", "mail", "ftp", "proxy")


def main(wanted: list[str]) -> int:
    """Measure; exit code 2 for rows that do not exist."""
    unknown = [name for name in wanted if name not in ROWS]
    if unknown:
        print(f"no rows called {', '.join(unknown)}; there are: {', '.join(ROWS)}", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 160)
    for name in wanted or ROWS:
        with import_module(f"bench.{name}").rows() as rows:
            measure(rows, console)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
