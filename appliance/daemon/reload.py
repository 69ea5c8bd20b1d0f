"""What ``systemctl reload`` runs (``ExecReload=``): ``/usr/bin/python3 -m appliance.daemon.reload PID``.

Lets the daemon whose first process is PID read its settings again and ends when they count: exit 0; or 1, with every
reason on standard error, when the daemon goes on with former ones.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from appliance.daemon.reload_line import ReloadUnanswered, begin, reasons_in

PATIENCE: Final = 45.0
"""Seconds that the program waits; the daemon itself gives up a little earlier and says why."""

_PIECE: Final = 64 * 1024


def ask(pid: int, timeout: float = PATIENCE) -> list[str]:
    """Let the daemon ``pid`` read its settings again, and wait; return why the new ones do not count: [] if they do.

    Blocks for at most ``timeout`` seconds. Raises :class:`ReloadUnanswered`.
    """
    deadline = time.monotonic() + timeout
    data = b""
    with begin(pid, timeout) as connection:
        try:
            while True:
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                piece = connection.recv(_PIECE)
                if not piece:
                    return reasons_in(data)
                data += piece
        except TimeoutError:
            raise ReloadUnanswered(f"no answer within {timeout:g} s") from None
        except OSError as error:
            raise ReloadUnanswered(os.strerror(error.errno or 0)) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, print the reasons, and give the exit code."""
    parser = argparse.ArgumentParser(
        prog="schoolserver-reload", description="Lets a daemon read its settings again, and waits until they count."
    )
    parser.add_argument("pid", type=int, help="the daemon's first process ($MAINPID)")
    try:
        reasons = ask(parser.parse_args(argv).pid)
    except ReloadUnanswered as error:
        reasons = [str(error)]
    for reason in reasons:
        print(reason, file=sys.stderr)
    return 1 if reasons else 0


if __name__ == "__main__":
    raise SystemExit(main())
