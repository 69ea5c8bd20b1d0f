"""Ending when the process that started us has ended, however it did.

May live here: asking the kernel for it. May not: what a process does at its end.
"""

from __future__ import annotations

import ctypes
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent(by: signal.Signals) -> None:
    """Let the kernel send us the signal ``by`` when our parent ends (prctl(2)); a change of credentials undoes it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(by), 0, 0, 0)
