"""A control group for the processes of a run or of a host: the one handle by which all of them are reached at once.

May live here: making, entering, killing and removing groups, on a unified and on a hybrid machine.
"""

import contextlib
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

_PATIENCE = 10.0


class Cgroup:
    """The group ``name`` (a relative path) in the unified hierarchy and, on a hybrid machine, in systemd's."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._folders = [root / name for root in _roots()]

    @property
    def kill_file(self) -> Path:
        """Writing 1 here ends every process in the group and below."""
        return self._folders[0] / "cgroup.kill"

    def below(self, name: str) -> "Cgroup":
        return Cgroup(f"{self.name}/{name}")

    def entering(self) -> Callable[[], None]:
        """For the child of a fork, before it runs its program: it joins the group."""
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        files = [str(folder / "cgroup.procs") for folder in self._folders]

        def enter() -> None:
            for file in files:
                descriptor = os.open(file, os.O_WRONLY)
                os.write(descriptor, b"0")
                os.close(descriptor)

        return enter

    def end(self) -> None:
        """Kill everything in it, wait until it is gone, and remove the group; one that is not there is no error."""
        with contextlib.suppress(FileNotFoundError):
            self.kill()
            self._wait_until_empty()
        for folder in self._folders:
            for inner in sorted(folder.rglob("*"), reverse=True):
                if inner.is_dir():
                    inner.rmdir()
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()

    def kill(self) -> None:
        self.kill_file.write_text("1")

    def _wait_until_empty(self) -> None:
        """``cgroup.events`` tells by POLLPRI when the last process has gone."""
        with (self._folders[0] / "cgroup.events").open() as events:
            watch = select.poll()
            watch.register(events, select.POLLPRI)
            while "populated 0" not in events.read():
                if not watch.poll(_PATIENCE * 1000):
                    raise TimeoutError(f"processes in {self.name} do not end")
                events.seek(0)


def _roots() -> Iterator[Path]:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    yield from (Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
    yield from (Path(mount[1]) for mount in mounts if mount[2] == "cgroup" and "name=systemd" in mount[3])
