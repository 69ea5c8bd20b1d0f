"""Waiting for what must come, with a deadline; nothing here sleeps for a fixed time and hopes."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 60.0
"""Seconds until what must come counts as missing, on however busy a machine."""

T = TypeVar("T")
_LOOK_EVERY = 0.05


def eventually(check: Callable[[], T], within: float = PATIENCE, what: str = "") -> T:
    """Give the first true answer of ``check``; fails when one that began after ``within`` seconds gives none.

    One that began before may have taken all that time, and have looked first of all at what came last. ``check`` may
    raise ``AssertionError`` or ``OSError`` for "not yet"; the last one is shown with the failure. Who hands ``within``
    tests a promise, such as that a lock counts after two seconds (K18).
    """
    deadline = time.monotonic() + within
    pause = threading.Event()
    while True:
        last = time.monotonic() > deadline
        trouble: Exception | None = None
        answer = None
        try:
            answer = check()
        except (AssertionError, OSError) as error:
            trouble = error
        if answer:
            return answer
        if last:
            raise AssertionError(f"not within {within:g} s: {what or check} (last: {trouble or answer!r})")
        pause.wait(_LOOK_EVERY)
