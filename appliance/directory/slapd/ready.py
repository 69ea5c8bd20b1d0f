"""Waits until the embedded slapd answers: ``/usr/bin/python3 -P -m appliance.directory.slapd.ready``.

Debian's slapd does not tell who started it that it is ready, so its unit runs this after it. Exit 0 when a connection
was taken, 1 when there was none in time, 2 on wrong settings.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from appliance.daemon.arguments import settings_parser
from appliance.directory.slapd.embedded import embedded
from appliance.settings.load import Settings
from appliance.settings.program import run

_AGAIN = 0.05  # seconds
_LONGEST = 60.0


def main(argv: Sequence[str]) -> int:
    """Wait, and return the exit code."""
    options = settings_parser("Waits until the school's own directory answers.").parse_args(argv)
    return run("directory", options.settings, _waited)


def _waited(settings: Settings) -> int:
    path = embedded(settings).socket
    if wait(path, _LONGEST):
        return 0
    print(f"schoolserver directory: slapd does not answer at {path}", file=sys.stderr)
    return 1


def wait(path: Path, longest: float) -> bool:
    """Whether the local socket ``path`` has taken a connection within ``longest`` seconds."""
    end = time.monotonic() + longest
    while not _answers(path):
        if time.monotonic() >= end:
            return False
        time.sleep(_AGAIN)  # a socket gives no sign of its coming
    return True


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_LONGEST)
        return probe.connect_ex(str(path)) == 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
