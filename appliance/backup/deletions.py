"""Accounts that were deleted for good: a list without content, which a restore of everything goes by (K24).

    state/supervisor/deleted/key      a secret, made at the first start, so that every dump has it
                             list     DAY UID HASH, a line each: the hash is of the login, with the key
                             asking   logins that the backup server has not been asked to forget yet
                             again    after a restore: which accounts to delete again
    state/backup/asked                UID HASH of those it has been asked for

May live here: these files, each written by one process, and whom a list means. May not: deleting, or the backup server.
The supervisor writes all but the last, which is the backup's; a recovery writes ``again`` once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from appliance.daemon.whole_file import Owner, write_whole

_KEPT: Final = timedelta(days=400)
_MOST: Final = 20_000
_KEY: Final = 32


@dataclass(frozen=True, slots=True, order=True)
class Gone:
    """An account: its number, and the keyed hash of its login."""

    uid: int
    name: str


@dataclass(frozen=True, slots=True)
class Again:
    """Who is to be deleted again (login and uid), and how many accounts have the number of a deleted one by chance.

    Those have another login: renamed since, or a number given anew after an earlier restore. A person looks at them.
    """

    sure: tuple[tuple[str, int], ...]
    unsure: int


class Deletions:
    """The files, in the folder ``state`` of the server; every call raises ``OSError``."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "supervisor" / "deleted"
        self._asked = state / "backup" / "asked"

    def begin(self) -> None:
        """Make the key, if there is none."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / "key"
        if not path.exists():
            write_whole(path, secrets.token_bytes(_KEY), 0o600)

    def note(self, login: str, uid: int, today: date) -> None:
        """Note that this account is deleted for good; on the disk when it returns. May be said twice."""
        self.begin()
        lines = _lines(self._read("list"))
        lines[self.gone(login, uid)] = today
        newest = sorted(lines.items(), key=lambda one: one[1])[-_MOST:]
        self._write("list", encoded({one: day for one, day in newest if today - day < _KEPT}))
        asked = self.asked()
        waiting = {one for one in self.waiting() if self.gone(*one) not in asked} | {(login, uid)}
        self._write("asking", json.dumps(sorted(waiting)).encode())

    def listed(self) -> bytes:
        """The list, as the backup server keeps it."""
        return self._read("list")

    def waiting(self) -> list[tuple[str, int]]:
        """Login and uid of those whom the backup server is to forget, asked already or not."""
        try:
            found = json.loads(self._read("asking") or b"[]")
            return [(str(login), int(uid)) for login, uid in found]
        except (ValueError, TypeError):
            return []

    def asked(self) -> frozenset[Gone]:
        """For whom it was asked."""
        try:
            text = self._asked.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return frozenset()
        parts = (line.split() for line in text.splitlines())
        return frozenset(Gone(int(part[0]), part[1]) for part in parts if len(part) == 2 and part[0].isdecimal())

    def keep_asked(self, gone: Iterable[Gone], owner: Owner | None) -> None:
        """Note for whom it was asked; for the backup alone."""
        text = "".join(f"{one.uid} {one.name}\n" for one in sorted(gone))
        write_whole(self._asked, text.encode("ascii"), 0o640, owner)

    def gone(self, login: str, uid: int) -> Gone:
        """What stands for this account in a list."""
        key = self._read("key")
        if len(key) != _KEY:
            raise FileNotFoundError("the key of the list of deleted accounts")
        return Gone(uid, hmac.new(key, login.encode(), hashlib.sha256).hexdigest())

    def order(self, listed: bytes, since: date, owner: Owner | None) -> int:
        """Have all those deleted again that the backup server's list has since the day ``since``; how many lines.

        For a recovery, when the state is back: the supervisor does it as soon as the directory answers.
        """
        lines = {one: day for one, day in _lines(listed).items() if day >= since}
        self._write("again", encoded(lines), owner)
        return len(lines)

    def ordered(self, accounts: Mapping[str, int]) -> Again | None:
        """Which of ``accounts`` (uid by login) are to be deleted again; ``None``: nothing of the kind was ordered."""
        lines = _lines(self._read("again"))
        if not lines and not (self._folder / "again").exists():
            return None
        numbers = {one.uid for one in lines}
        sure = [(login, uid) for login, uid in accounts.items() if uid in numbers and self.gone(login, uid) in lines]
        return Again(tuple(sure), sum(uid in numbers for uid in accounts.values()) - len(sure))

    def done(self) -> None:
        """All of it was deleted again, or the carer says that it should not be."""
        (self._folder / "again").unlink(missing_ok=True)

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return b""

    def _write(self, name: str, data: bytes, owner: Owner | None = None) -> None:
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700)
            if owner is not None:
                os.chown(self._folder, *owner)
        write_whole(self._folder / name, data, 0o600, owner)


def encoded(lines: Mapping[Gone, date]) -> bytes:
    """A list as it is kept and sent."""
    return "".join(f"{day} {one.uid} {one.name}\n" for one, day in sorted(lines.items())).encode()


def _lines(data: bytes) -> dict[Gone, date]:
    found: dict[Gone, date] = {}
    for line in data.decode("ascii", "replace").splitlines():
        parts = line.split()
        try:
            found[Gone(int(parts[1]), parts[2])] = date.fromisoformat(parts[0])
        except (ValueError, IndexError):
            continue  # a power cut, or another version
    return found
