"""The spool on the disk: messages that wait to go outside, and how far each of them is.

May live here: files and folders below ``<data>/mail/.spool``. May not: what is done with them (``runner``), who puts
messages there (``appliance.mail.store``). A message lies in ``new`` until it is done with and is never written to; its
standing lies beside it in ``cur`` and is replaced whole. A crash may lose the last standing, so that a message is sent
twice with the same Message-ID, never a message. Everything here waits for the disk and belongs into a thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.daemon.whole_file import sync_folder, write_whole
from appliance.mail.outside.attempts import Standing, fresh
from appliance.mail.outside.envelope import LONGEST, Damaged, Queued, read_line

_CHUNK = 256 * 1024
_RETURN_PATH = b"Return-Path:"


@dataclass(frozen=True, slots=True)
class Item:
    """A message of the spool: ``name`` of its file, what it ``queued``, where its bytes begin and how many they are."""

    name: str
    queued: Queued
    start: int
    size: int


class Spool:
    """The spool in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._new = folder / "new"
        self._cur = folder / "cur"

    def make(self) -> None:
        """Make the folders that are missing. Raise ``OSError``."""
        for folder in (self._new.parent, self._new, self._cur):
            folder.mkdir(mode=0o700, exist_ok=True)

    def changed(self) -> int:
        """Give a number that is another one once something came or went."""
        return self._new.stat().st_mtime_ns

    def names(self) -> frozenset[str]:
        """Give the names of all messages; standings of those that are gone are removed."""
        found = frozenset(entry.name for entry in os.scandir(self._new) if entry.is_file(follow_symlinks=False))
        for entry in os.scandir(self._cur):
            if entry.name not in found:
                Path(entry.path).unlink(missing_ok=True)
        return found

    def read(self, name: str) -> tuple[Item, Standing]:
        """Give a message and where it is. Raise :class:`appliance.mail.outside.envelope.Damaged` or ``OSError``."""
        with (self._new / name).open("rb") as file:
            line = file.readline(LONGEST)
            queued = read_line(line)
            start = len(line)
            first = file.readline(_CHUNK)
            if first.startswith(_RETURN_PATH):  # only who delivers it for good writes one (RFC 5321 4.4)
                start += len(first)
            size = os.fstat(file.fileno()).st_size - start
        try:
            standing = _read_standing((self._cur / name).read_bytes(), len(queued.recipients))
        except (FileNotFoundError, Damaged):
            standing = fresh(queued)
        return Item(name, queued, start, size), standing

    def content(self, item: Item, skipped: int = 0) -> Iterator[bytes]:
        """Give the bytes of a message, but for the first ones that are ``skipped``. Raise ``OSError``."""
        with (self._new / item.name).open("rb") as file:
            file.seek(item.start + skipped)
            while chunk := file.read(_CHUNK):
                yield chunk

    def keep(self, item: Item, standing: Standing) -> None:
        """Write down where a message is, for good. Raise ``OSError``."""
        values = {
            "left": standing.left,
            "next": standing.next.astimezone(UTC).isoformat(),
            "tries": standing.tries,
            "told": standing.told,
            "why": standing.why,
        }
        write_whole(self._cur / item.name, json.dumps(values).encode(), 0o600)

    def remove(self, item: Item) -> None:
        """Be done with a message. Raise ``OSError``."""
        (self._new / item.name).unlink(missing_ok=True)
        sync_folder(self._new)
        (self._cur / item.name).unlink(missing_ok=True)


def _read_standing(written: bytes, recipients: int) -> Standing:
    try:
        found = json.loads(written)
        left = tuple(int(number) for number in found["left"])
        following = datetime.fromisoformat(found["next"])
        standing = Standing(left, following, int(found["tries"]), bool(found["told"]), str(found["why"]))
    except (ValueError, TypeError, KeyError) as problem:
        raise Damaged("not a standing") from problem
    if not left or following.tzinfo is None or not all(0 <= number < recipients for number in left):
        raise Damaged("not a standing")
    return standing
