"""Running a program of the system to its end, in no environment but a plain one.

May live here: how it is started. May not: which one, and what its exit code means.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Final

_ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def run(argv: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` without input for at most ``timeout`` seconds; its exit code and what it said.

    Raises ``OSError`` when it cannot be started, ``subprocess.TimeoutExpired`` when it does not end.
    """
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
        text=True,
        errors="replace",
        env=_ENVIRONMENT,
    )
