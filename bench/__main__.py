"""``/usr/bin/python3 -m bench [ROWS ...] [--only WORDS] [--rounds N]``: all rows, or those of the named files.

``--only "tunnel haproxy"`` takes only rows whose name or peer has each of these words.
"""

from __future__ import annotations

import argparse
import signal
import sys
from importlib import import_module

from rich.console import Console

from bench.harness import chosen, measure

ROWS = ("password_check", "log_on", "snapshot", "mail", "ftp", "proxy", "filter", "backup")


def main(arguments: list[str]) -> int:
    """Measure; exit code 2 for rows that do not exist."""
    parser = argparse.ArgumentParser(prog="python3 -m bench")
    parser.add_argument("rows", nargs="*", metavar="ROWS", help=f"some of {', '.join(ROWS)}")
    parser.add_argument("--only", default="", metavar="WORDS", help="only rows whose name or peer has all these words")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many figures of each")
    wanted = parser.parse_args(arguments)
    unknown = [name for name in wanted.rows if name not in ROWS]
    if unknown:
        print(f"no rows called {', '.join(unknown)}; there are: {', '.join(ROWS)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # what was started is ended
    console = Console(width=None if sys.stdout.isatty() else 160)
    for name in wanted.rows or ROWS:
        with import_module(f"bench.{name}").rows() as rows:
            measure(chosen(rows, wanted.only.split(), wanted.rounds), console)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
