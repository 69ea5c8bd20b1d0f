"""What psutil says of processes and disks; numbers only, no names of persons or files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

_LEAST_RUNTIME = 16 * 1024 * 1024
"""Bytes: sockets and snapshots need no more, and the disk in memory that holds them is small on a small machine."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A unit with all its processes: bytes of memory, percent of one CPU since the last look, open descriptors.

    ``memory`` is what systemd's control group of the unit holds beside files; elsewhere it is what is resident, where
    processes that share memory count it each.
    ``descriptors`` is ``None`` where the processes are another user's.
    """

    memory: int
    cpu: float
    descriptors: int | None
    processes: int


class Processes:
    """Measures units by their first process; keeps psutil's objects, as CPU is a difference between two looks."""

    def __init__(self, processes: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> None:
        self._processes = processes
        self._groups = groups
        self._seen: dict[int, psutil.Process] = {}

    def measure(self, units: Mapping[str, int]) -> dict[str, Usage]:
        """Give the usage of each unit (name to process id) that runs."""
        found, seen = {}, {}
        for name, pid in units.items():
            try:
                first = self._known(pid)
                family = [first, *(self._known(child.pid) for child in first.children(recursive=True))]
            except psutil.Error:
                continue
            seen.update({process.pid: process for process in family})
            usage, own = _sum(family), self._of_group(name, pid)
            found[name] = usage if own is None else replace(usage, memory=own)
        self._seen = seen
        return found

    def _of_group(self, unit: str, pid: int) -> int | None:
        """Bytes that the control group of ``unit`` holds, each page once; ``None`` where it has none of its own."""
        try:
            path = Path((self._processes / str(pid) / "cgroup").read_text().rpartition("0::/")[2].strip())
            if path.name != f"schoolserver-{unit}.service":
                return None
            lines = (self._groups / path / "memory.stat").read_text().splitlines()
            held = {key: int(size) for key, size in map(str.split, lines)}
            return held["anon"] + held["shmem"]
        except (OSError, ValueError, KeyError):
            return None

    def _known(self, pid: int) -> psutil.Process:
        process = self._seen.get(pid)
        return process if process is not None and process.is_running() else psutil.Process(pid)


def _sum(family: list[psutil.Process]) -> Usage:
    memory, cpu, descriptors, alive = 0, 0.0, 0, 0
    hidden = False
    for process in family:
        try:
            memory += process.memory_info().rss
            cpu += process.cpu_percent()
            alive += 1
            descriptors += process.num_fds()
        except psutil.AccessDenied:
            hidden = True
        except psutil.Error:
            continue
    return Usage(memory, round(cpu, 1), None if hidden else descriptors, alive)


def space_problem(name: str, left: int, reserve: int) -> str | None:
    """What is wrong when ``left`` bytes are free on the disk of the folder ``name``; ``None``: nothing.

    Told early: with less than ``reserve`` services refuse what would go to state or data.
    """
    if name == "runtime":
        return f"{_shown(left)} free" if left < _LEAST_RUNTIME else None
    if left < reserve:
        return f"{_shown(left)} free: mail, uploads and imports are refused below {_shown(reserve)} (server.yaml)"
    if left < 2 * reserve:
        return f"{_shown(left)} free; below {_shown(reserve)} mail, uploads and imports are refused"
    return None


def _shown(size: int) -> str:
    return f"{size // 10**6} MB"


def space_left(folders: Mapping[str, Path]) -> dict[str, int]:
    """Bytes free for us on the disk of each folder (by its name in the settings); one that is missing is left out."""
    left = {}
    for name, folder in folders.items():
        try:
            left[name] = shutil.disk_usage(folder).free
        except OSError:
            continue
    return left
