"""What a support bundle tells of the machine: system, clock, memory, disks, packages, units, their last lines.

May live here: asking the machine, each question within a bounded time. May not: persons (``report_filter``), the file
that all of it goes into (``report``). What cannot be asked is said so, and is no error.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

LINES: Final = 300
"""How many of a unit's last lines."""
_TIMEOUT = 20.0
_BOOTED = Path("/run/systemd/system")
_MEMORY = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus,StateChangeTimestamp,MemoryCurrent,"
    "MemoryPeak,CPUUsageNSec,TasksCurrent"
)
_OURS = "schoolserver*"


def about(folders: Mapping[str, Path]) -> dict[str, str]:
    """Give names of files and their texts; ``folders`` are those whose disks are measured, by name.

    None of it can hold a person: names and versions of programs, figures, times.
    """
    questions: dict[str, Callable[[], str]] = {
        "system.txt": _system,
        "clock.txt": _clock,
        "memory.txt": _memory,
        "disks.txt": lambda: _disks(folders),
        "packages.txt": lambda: _asked(
            "dpkg-query", "--show", "--showformat=${Package} ${Version} ${db:Status-Status}\n"
        ),
        "units.txt": _units,
    }
    return {name: _told(question) for name, question in questions.items()}


def last_lines(logs: Path) -> dict[str, str]:
    """Give the last lines of each unit, as they are: from the journal, or the files in ``logs`` (of a demo)."""
    found = {}
    for path in sorted(logs.glob("*.log")) if logs.is_dir() else ():
        found[f"journal/{path.stem}.txt"] = _told(partial(_tail, path))
    if _BOOTED.is_dir():
        for unit in _services():
            argv = (
                "journalctl",
                f"--unit={unit}",
                f"--lines={LINES}",
                "--output=short-iso",
                "--no-hostname",
                "--no-pager",
            )
            found[f"journal/{unit}.txt"] = _told(partial(_asked, *argv))
    return found


def _told(question: Callable[[], str]) -> str:
    try:
        return question()
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        return f"cannot be told: {type(problem).__name__}\n"


def _asked(*argv: str) -> str:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}
    done = subprocess.run(
        argv, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, env=environment, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout if done.returncode == 0 else f"{argv[0]} ended with {done.returncode}\n{done.stdout}"


def _system() -> str:
    machine = os.uname()
    release = platform.freedesktop_os_release()
    return "".join(
        f"{key}: {value}\n"
        for key, value in (
            ("system", release.get("PRETTY_NAME", "")),
            ("kernel", f"{machine.sysname} {machine.release} {machine.version} {machine.machine}"),
            ("python", platform.python_version()),
            ("cores", str(os.cpu_count())),
            ("load", " ".join(f"{value:.2f}" for value in os.getloadavg())),
            ("up", f"{float(Path('/proc/uptime').read_text().split()[0]):.0f} s"),
            ("systemd", "booted" if _BOOTED.is_dir() else "not booted"),
        )
    )


def _clock() -> str:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    more = _asked("timedatectl", "show", "--property=Timezone,NTP,NTPSynchronized,LocalRTC") if _BOOTED.is_dir() else ""
    return f"now: {now}\n{more}"


def _memory() -> str:
    lines = Path("/proc/meminfo").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if line.partition(":")[0] in _MEMORY)


def _disks(folders: Mapping[str, Path]) -> str:
    lines = []
    for name, folder in folders.items():
        try:
            found = os.statvfs(folder)
        except OSError as problem:
            lines.append(f"{name}: {problem.strerror}\n")
            continue
        size, left = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        lines.append(
            f"{name}: {size // 10**6} MB, {left // 10**6} MB free; {found.f_files} inodes, {found.f_favail} free; "
            f"{_kind(folder)}{', read-only' if found.f_flag & os.ST_RDONLY else ''}\n"
        )
    return "".join(lines)


def _kind(folder: Path) -> str:
    """The file system's type, that of the longest mount point above the folder."""
    place, best, kind = f"{folder.resolve()}/", "", "?"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, type_, *_ = line.split(" ")
        if place.startswith(f"{point.rstrip('/')}/") and len(point) >= len(best):
            best, kind = point, type_
    return kind


def _units() -> str:
    if not _BOOTED.is_dir():
        return "systemd did not start this machine\n"
    listed = _asked("systemctl", "show", f"--property={_PROPERTIES}", "--all", _OURS)
    return listed + "\n" + _asked("systemctl", "list-timers", "--all", "--no-pager", _OURS)


def _services() -> Sequence[str]:
    listed = _asked("systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=service", _OURS)
    return [line.split()[0] for line in listed.splitlines() if line.strip()]


def _tail(path: Path) -> str:
    def lines() -> Iterator[str]:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 200 * LINES))
            yield from file.read().decode("utf-8", "replace").splitlines(keepends=True)

    return "".join(list(lines())[-LINES:])
