"""The second place's half: the one command that the school's key may run there. It stands alone, on another machine.

    restrict,command="/usr/lib/schoolserver/receiver /srv/copies" ssh-ed25519 AAAA...

May live here: what a school's server may do to its copies, and how long they are kept. May not: anything but the
standard library. A copy is written into ``incoming`` and gets its name, the moment in UTC, when it is complete; from
then on nothing the school's server can say changes it, renames it or removes it. How long copies stay is said on this
command line and measured by this machine's clock. Every word of an asked rsync is compared with what the school's
server really sends; what is not among it (``--inplace``, ``--delete``, a path elsewhere) is refused.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

FORMAT = "%Y-%m-%dT%H%M%S"
SNAPSHOT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}", re.ASCII)
_INCOMING = "incoming"
_INTERRUPTED = re.compile(r"interrupted-[0-9]{4}", re.ASCII)
_DOOMED = ".removing-"
_ALL_OF = timedelta(days=2)
_MOST_BASES = 8  # rsync takes twenty
_RSYNC = "/usr/bin/rsync"
_LETTERS = re.compile(r"-[lHogDtpAXrRz]+e\.[A-Za-z]*", re.ASCII)
_OPTION = re.compile(
    r"-@-1|--(modify-window=-1|stats|numeric-ids|timeout=[0-9]+|bwlimit=[0-9]+(\.[0-9]+)?|info=[A-Za-z0-9,]+)", re.ASCII
)
_BASE = re.compile(r"\.\./\.\./([A-Za-z0-9-]+)/([a-z]+)", re.ASCII)
_PART = re.compile(rf"{_INCOMING}/([a-z]+)/", re.ASCII)


class Refused(Exception):
    """What was asked is not open to the school's key; the text says what it is."""


def kept(names: Sequence[str], days: int, weeks: int, months: int) -> frozenset[str]:
    """Which of the copies ``names`` stay: the newest of each of the last ``days``, ``weeks`` and ``months``.

    Counted are days, weeks and months that have a copy, so that a school that was closed loses none. The newest copy
    stays, and each made in the two days before it: what was lost in between may be in one of them.
    """
    newest = sorted(names, reverse=True)
    stay = {name for name in newest if moment(newest[0]) - moment(name) < _ALL_OF}
    for form, most in (("%Y-%m-%d", days), ("%G-%V", weeks), ("%Y-%m", months)):
        first_of: dict[str, str] = {}
        for name in newest:
            first_of.setdefault(f"{moment(name):{form}}", name)
        stay.update(list(first_of.values())[:most])
    return frozenset(stay)


def moment(name: str) -> datetime:
    """When the copy of this name was completed."""
    return datetime.strptime(name, FORMAT).replace(tzinfo=UTC)


def server_argv(words: Sequence[str], place: Path, fake_super: bool) -> list[str]:
    """Give the rsync to run in ``place`` when ``words`` were asked; raises :class:`Refused` unless all are expected.

    ``fake_super``: owners are kept in extended attributes, for this machine's user is not root.
    """
    if tuple(words[:2]) != ("rsync", "--server"):
        raise Refused("only rsync --server, begin, finish, list and thin")
    sending = words[2:3] == ["--sender"]
    options, (dot, path) = list(words[3 if sending else 2 : -2]), words[-2:]
    if dot != "." or not options or not _LETTERS.fullmatch(options[0]):
        raise Refused("rsync with other options than ours")
    rest = iter(options[1:])
    for option in rest:
        if option == "--link-dest" and not sending:
            _check_base(next(rest, ""))
        elif not _OPTION.fullmatch(option):
            raise Refused("rsync with other options than ours")
    (_check_reading if sending else _check_writing)(path, place)
    return ["rsync", "--server", *(["--fake-super"] if fake_super else []), *words[2:]]


def _check_base(value: str) -> None:
    found = _BASE.fullmatch(value)
    if not found or not (SNAPSHOT.fullmatch(found[1]) or _INTERRUPTED.fullmatch(found[1])):
        raise Refused("a base that is no copy")


def _check_writing(path: str, place: Path) -> None:
    if not _PART.fullmatch(path) or not (place / _INCOMING).is_dir():
        raise Refused("writing elsewhere than into the copy that was begun")


def _check_reading(path: str, place: Path) -> None:
    """A copy may hold links to anywhere: whoever follows one would read this machine's own files."""
    name, _, inner = path.partition("/")
    parts = inner.removeprefix("./").split("/")
    if not SNAPSHOT.fullmatch(name) or not inner.startswith("./") or any(part in ("", ".", "..") for part in parts):
        raise Refused("reading elsewhere than in a finished copy")
    folder = place / name
    for part in parts[:-1]:
        folder /= part
        if folder.is_symlink():
            raise Refused("reading through a symbolic link")


class Copies:
    """The copies below ``place``; one call at a time, guarded by a lock among processes."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def begin(self) -> dict[str, Any]:
        """Make an empty ``incoming``; ``bases``: what it may share its files with, the best first.

        An interrupted copy is such a base and never gone on with: rsync would change mode and owner of files that older
        copies share.
        """
        incoming = self._place / _INCOMING
        left = self._interrupted()
        if incoming.exists():
            number = int(left[0].rpartition("-")[2]) + 1 if left else 1
            incoming.rename(self._place / f"interrupted-{number:04}")
            left = self._interrupted()
        incoming.mkdir(mode=0o700)
        return {"bases": [*left[: _MOST_BASES - 1], *self.names()[-1:]]}

    def finish(self) -> dict[str, Any]:
        """Give what is in ``incoming`` its name, once it is on the disk; what was interrupted before goes.

        Gives the name of the ``snapshot`` and ``free`` bytes on this disk.
        """
        incoming = self._place / _INCOMING
        if not incoming.is_dir():
            raise Refused("no copy was begun")
        _sync(self._place)
        name = self._next_name()
        incoming.rename(self._place / name)
        _sync(self._place)
        for old in self._interrupted():
            self._remove(old)
        return {"snapshot": name, "free": shutil.disk_usage(self._place).free}

    def listing(self) -> dict[str, Any]:
        """The names of the ``snapshots``, oldest first, and ``free`` bytes on this disk."""
        return {"snapshots": self.names(), "free": shutil.disk_usage(self._place).free}

    def thin(self, days: int, weeks: int, months: int) -> dict[str, Any]:
        """Remove the copies whose time is over, and what an earlier removal has left; gives their names."""
        for left in self._place.glob(f"{_DOOMED}*"):
            shutil.rmtree(left)
        names = self.names()
        stay = kept(names, days, weeks, months)
        over = [name for name in names if name not in stay]
        for name in over:
            self._remove(name)
        return {"removed": over}

    def names(self) -> list[str]:
        """The finished copies, oldest first."""
        return sorted(path.name for path in self._place.iterdir() if SNAPSHOT.fullmatch(path.name))

    def _interrupted(self) -> list[str]:
        return sorted((path.name for path in self._place.iterdir() if _INTERRUPTED.fullmatch(path.name)), reverse=True)

    def _next_name(self) -> str:
        """The present moment, but later than every copy: a clock that was put back hides none."""
        now = datetime.now(UTC).replace(microsecond=0)
        later = [moment(name) + timedelta(seconds=1) for name in self.names()[-1:]]
        return max([now, *later]).strftime(FORMAT)

    def _remove(self, name: str) -> None:
        doomed = self._place / f"{_DOOMED}{name}"
        (self._place / name).rename(doomed)
        shutil.rmtree(doomed)


def _sync(place: Path) -> None:
    """Bring the file system of ``place`` to the disk."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "syncfs")
    finally:
        os.close(descriptor)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what ``SSH_ORIGINAL_COMMAND`` asks for, or refuse it: exit code 3, a reason on standard error."""
    parser = argparse.ArgumentParser(description="Takes in the copies of a school's server.")
    parser.add_argument("place", type=_folder, help="folder of the copies; used for nothing else")
    parser.add_argument("--keep-days", type=int, default=14, help="days of which a copy stays (default: 14)")
    parser.add_argument("--keep-weeks", type=int, default=8, help="weeks of which a copy stays (default: 8)")
    parser.add_argument("--keep-months", type=int, default=12, help="months of which a copy stays (default: 12)")
    given = parser.parse_args(argv)
    os.umask(0o077)
    try:
        words = shlex.split(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
        os.chdir(given.place)
        if words[:1] == ["rsync"]:
            _become(server_argv(words, given.place, os.geteuid() != 0))
        print(json.dumps(_managed(words, given)))
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 3
    except (OSError, ValueError) as error:
        print(f"failed: {os.strerror(error.errno or 0) if isinstance(error, OSError) else error}", file=sys.stderr)
        return 1
    return 0


def _folder(text: str) -> Path:
    return Path(text).absolute()


def _managed(words: Sequence[str], given: argparse.Namespace) -> dict[str, Any]:
    copies = Copies(given.place)
    lock = os.open(".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    match list(words):
        case ["begin"]:
            return copies.begin()
        case ["finish"]:
            return copies.finish()
        case ["list"]:
            return copies.listing()
        case ["thin"]:
            return copies.thin(given.keep_days, given.keep_weeks, given.keep_months)
    raise Refused("only rsync --server, begin, finish, list and thin")


def _become(argv: list[str]) -> NoReturn:
    os.execve(_RSYNC, argv, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})  # noqa: S606 - every word was compared


if __name__ == "__main__":
    raise SystemExit(main())
