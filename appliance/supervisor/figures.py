"""What psutil says of processes and disks; numbers only, no names of persons or files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

LEAST_FREE = 256 * 1024 * 1024
"""Bytes: with less left on a disk that the server writes to, something will fail soon."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A unit with all its processes: resident bytes, percent of one CPU since the last look, open descriptors.

    ``descriptors`` is ``None`` where the processes are another user's.
    """

    memory: int
    cpu: float
    descriptors: int | None
    processes: int


class Processes:
    """Measures units by their first process; keeps psutil's objects, as CPU is a difference between two looks."""

    def __init__(self) -> None:
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
            found[name] = _sum(family)
        self._seen = seen
        return found

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


def space_left(folders: Mapping[str, Path]) -> dict[str, int]:
    """Bytes free for us on the disk of each folder (by its name in the settings); one that is missing is left out."""
    left = {}
    for name, folder in folders.items():
        try:
            left[name] = shutil.disk_usage(folder).free
        except OSError:
            continue
    return left
