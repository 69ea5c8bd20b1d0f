"""Running rsync and ssh: their output becomes progress and figures, their exit code an error for the carer.

May live here: processes. May not: their words (``argv``), or what a failed copy means.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.backup.problem import BackupError

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/"}
_PERCENT = re.compile(r"\s([0-9]{1,3})% ")
_FIGURES = {
    "files": re.compile(r"^Number of files: ([0-9]+)", re.MULTILINE),
    "changed": re.compile(r"^Number of regular files transferred: ([0-9]+)", re.MULTILINE),
    "size": re.compile(r"^Total file size: ([0-9]+)", re.MULTILINE),
    "sent": re.compile(r"^Total bytes sent: ([0-9]+)", re.MULTILINE),
}
_WELL = frozenset({0, 24})  # 24: files went away while they were read, as they do on a living server
_RECEIVER_REFUSED = 3
_CAUSES: Mapping[int, tuple[str, str]] = {
    3: ("refused", "the second place refused what was asked; are both of the same version?"),
    11: ("disk", "a disk is full or broken"),
    12: ("unreachable", "the connection to the second place broke"),
    20: ("stopped", "it was stopped"),
    23: ("unreadable", "some files could not be read or written"),
    30: ("unreachable", "nothing moved for too long"),
    255: ("unreachable", "the second place gives no answer, or does not take our key"),
}
_LAST_WORDS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run: ``files`` of all kinds, their ``size`` in bytes, ``changed`` files that were sent, bytes ``sent``."""

    files: int = 0
    changed: int = 0
    size: int = 0
    sent: int = 0

    def __add__(self, other: Figures) -> Figures:
        """Both runs together."""
        return Figures(
            self.files + other.files, self.changed + other.changed, self.size + other.size, self.sent + other.sent
        )


class Runner:
    """Runs one program at a time, with ``lock`` (a descriptor) open in it; what it complains of goes to ``complaints``.

    That file is for root's eyes only: it names files. The next run begins it anew.
    """

    def __init__(self, lock: int | None, complaints: Path) -> None:
        self._lock = lock
        self.complaints = complaints
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def rsync(self, argv: Sequence[str], percent: Callable[[int], None] = lambda _: None) -> Figures:
        """Run rsync to its end, telling how many ``percent`` are done; raises :class:`BackupError`."""
        text = self._run(argv, percent)
        found = {name: pattern.search(text) for name, pattern in _FIGURES.items()}
        return Figures(**{name: int(match[1]) for name, match in found.items() if match})

    def ask(self, argv: Sequence[str]) -> dict[str, Any]:
        """Run ssh and give the receiver's answer; raises :class:`BackupError`."""
        text = self._run(argv, lambda _: None)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise BackupError("refused", "the second place answers strangely; is the receiver its forced command?")
        return answer

    def stop(self) -> None:
        """End what runs, and run nothing more; for a signal handler."""
        self._stopped = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def _run(self, argv: Sequence[str], percent: Callable[[int], None]) -> str:
        if self._stopped:
            raise BackupError("stopped", "it was stopped")
        kept = () if self._lock is None else (self._lock,)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        complaints = os.open(self.complaints, flags, 0o600)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=_ENVIRONMENT,
                pass_fds=kept,
            )
        except OSError as error:
            raise BackupError("not-set-up", f"{argv[0]} cannot be started: {os.strerror(error.errno or 0)}") from error
        finally:
            os.close(complaints)
        if self._stopped:  # asked for just before there was a process to end
            self.stop()
        with self._process as process:
            text = _read(process, percent)
        self._process = None
        if self._stopped:
            raise BackupError("stopped", "it was stopped")
        if process.returncode not in _WELL:
            raise self._explained(Path(argv[0]).name, process.returncode)
        return text

    def _explained(self, program: str, code: int) -> BackupError:
        kind, cause = _CAUSES.get(code, ("refused", "it failed"))
        if program == "ssh" and code not in (_RECEIVER_REFUSED, 255):
            kind, cause = "refused", "the second place failed at it"
        where = f"{program} ended with {code}; what it said is in {self.complaints}"
        return BackupError(kind, f"{cause} ({where})")


def _read(process: subprocess.Popen[bytes], percent: Callable[[int], None]) -> str:
    """All that a program says, of which only the end is kept; rsync parts its figures with carriage returns."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text, told = "", -1
    while data := os.read(process.stdout.fileno(), 65536):
        text = (text + decoder.decode(data))[-_LAST_WORDS:]
        for found in _PERCENT.findall(text[-200:]):
            if told < int(found) <= 100:
                told = int(found)
                percent(told)
    return text
