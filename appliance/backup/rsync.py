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

from appliance.backup.problem import NO_ANSWER, BackupError

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
    3: ("refused", "the backup server refused what was asked; are both machines of the same version?"),
    11: ("disk", "a disk is full or broken"),
    **dict.fromkeys((10, 12, 14, 15, 16), ("unreachable", "the connection to the backup server broke")),
    20: ("stopped", "it was stopped"),
    23: ("unreadable", "some files could not be read or written"),
    30: ("unreachable", "nothing moved for too long"),
    255: ("unreachable", NO_ANSWER),
}
_LAST_WORDS = 64 * 1024
_LONGEST_WORDS = 1024
_TOLD = re.compile(r"(?:failed|refused): ([A-Za-z0-9 ,;:'.()-]{1,160})")
_FULL = re.compile(r"No space left on device|disk over there is full|Disk quota exceeded")
_LONGEST_LINE = 64 * 1024 * 1024


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
        read = _Rsync(percent)
        self._run(argv, read)
        text = read.text
        found = {name: pattern.search(text) for name, pattern in _FIGURES.items()}
        return Figures(**{name: int(match[1]) for name, match in found.items() if match})

    def ask(self, argv: Sequence[str], said: bytes = b"") -> dict[str, Any]:
        """Run ssh, which reads what is ``said``, and give the receiver's answer; raises :class:`BackupError`."""
        answer: dict[str, Any] = {}
        self.follow(argv, answer.update, said)
        return answer

    def follow(self, argv: Sequence[str], each: Callable[[dict[str, Any]], None], said: bytes = b"") -> None:
        """Run ssh and give ``each`` line of the receiver's answer, a JSON object; raises :class:`BackupError`."""
        rest = b""

        def take(data: bytes) -> None:
            nonlocal rest
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                each(_object(line))
            if len(rest) > _LONGEST_LINE:
                raise _strange()

        self._run(argv, take, said)
        if rest.strip():
            each(_object(rest))

    def stream(self, argv: Sequence[str], take: Callable[[bytes], object]) -> None:
        """Run ssh and let ``take`` have what the receiver sends, in pieces; raises :class:`BackupError`."""
        self._run(argv, take)

    def stop(self) -> None:
        """End what runs, and run nothing more; for a signal handler."""
        self._stopped = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def _run(self, argv: Sequence[str], take: Callable[[bytes], object], said: bytes = b"") -> None:
        if self._stopped:
            raise BackupError("stopped", "it was stopped")
        kept = () if self._lock is None else (self._lock,)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        complaints = os.open(self.complaints, flags, 0o600)
        heard = _heard(said)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=heard,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=_ENVIRONMENT,
                pass_fds=kept,
            )
        except OSError as error:
            raise BackupError("not-set-up", f"{argv[0]} cannot be started: {os.strerror(error.errno or 0)}") from error
        finally:
            os.close(complaints)
            os.close(heard)
        if self._stopped:  # asked for just before there was a process to end
            self.stop()
        with self._process as process:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            try:
                while data := os.read(process.stdout.fileno(), 65536):
                    take(data)
            except BaseException:
                process.terminate()
                raise
        self._process = None
        if self._stopped:
            raise BackupError("stopped", "it was stopped")
        if process.returncode not in _WELL:
            raise self._explained(Path(argv[0]).name, process.returncode)

    def _explained(self, program: str, code: int) -> BackupError:
        kind, cause = _CAUSES.get(code, ("refused", "it failed"))
        said = self._last_words()
        if program == "ssh" and code not in (_RECEIVER_REFUSED, 255):
            kind, cause = "disk" if _FULL.search(said) else "refused", "the backup server failed at it"
        told = _TOLD.fullmatch(said)
        where = f"{program} ended with {code}; what it said is in {self.complaints}"
        return BackupError(kind, f"{cause}: {told[1]} ({where})" if told else f"{cause} ({where})")

    def _last_words(self) -> str:
        """The last line that was complained of; the receiver's own names nobody and no file."""
        with self.complaints.open("rb") as file:
            file.seek(max(0, self.complaints.stat().st_size - _LONGEST_WORDS))
            lines = file.read().decode("utf-8", "replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")


def _heard(said: bytes) -> int:
    """A descriptor from which a program reads just this."""
    if not said:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    descriptor = os.memfd_create("said", os.MFD_CLOEXEC)
    os.write(descriptor, said)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class _Rsync:
    """Takes in what rsync says, of which only the end is kept; it parts its figures with carriage returns."""

    def __init__(self, percent: Callable[[int], None]) -> None:
        self.text = ""
        self._percent = percent
        self._told = -1
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, data: bytes) -> None:
        self.text = (self.text + self._decoder.decode(data))[-_LAST_WORDS:]
        for found in _PERCENT.findall(self.text[-200:]):
            if self._told < int(found) <= 100:
                self._told = int(found)
                self._percent(self._told)


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _strange()
    return found


def _strange() -> BackupError:
    return BackupError("refused", "the backup server answers strangely; are both machines of the same version?")
