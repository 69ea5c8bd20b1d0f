"""Which core does what: the server under test has one for itself, its load and all else the other; and what each uses.

May live here: pinning, and time and memory of processes. May not: servers, loads. Where there is only one core, nothing
is pinned.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SERVER, LOAD = 0, 1


def pin(pid: int, core: int = SERVER) -> None:
    """Leave a process, each of its threads and what it starts from now on to one core of the machine."""
    if _several():
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def on(core: int) -> list[str]:
    """Begin a command that runs on one core, where there are several."""
    return ["taskset", "--cpu-list", str(core)] if _several() else []


@contextlib.contextmanager
def beside() -> Iterator[None]:
    """Stay on the core of the load meanwhile, with all that is started and not pinned elsewhere."""
    before = os.sched_getaffinity(0)
    pin(os.getpid(), LOAD)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU of a process up to now: ``total`` seconds, exactly; of ``user`` and ``system`` in ticks, for their ratio."""

    total: float
    user: int
    system: int


def spent(pid: int) -> Spent:
    """Give what ``pid`` and its threads, also those that have ended, have spent; not its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Spent(seconds(pid), int(fields[11]), int(fields[12]))


def seconds(pid: int) -> float:
    """Give the CPU seconds of ``pid`` and its threads to the nanosecond."""
    return time.clock_gettime(~pid << 3 | 2)  # a process's clock, as clock_getcpuclockid(3) makes its number


def memory(pid: int) -> float:
    """Proportional memory of ``pid``; KiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return float(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")))


def _several() -> bool:
    return (os.cpu_count() or 1) > 1
