"""Handing a snapshot from who publishes to who decides: one file, written whole, followed by its readers.

May live here: the file. May not: what is in it; decoding is handed in.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from appliance.daemon.logs import describe
from appliance.daemon.loop import Loop
from appliance.daemon.whole_file import write_whole

_log = logging.getLogger(__name__)
_MODE = 0o440
_EVERY = 0.25  # seconds between looks at the file


class Versioned(Protocol):
    """Something with an ordered ``version``."""

    @property
    def version(self) -> Any:
        """What tells newer from older; comparable with ``<=``."""
        ...


T = TypeVar("T", bound=Versioned)


def write_snapshot(path: Path, data: bytes, gid: int | None = None) -> None:
    """Put ``data`` at ``path``, mode 0440, readable by group ``gid`` (None: the caller's own).

    Readers see the old file or the new one, never half of it, also after a power cut. Raise OSError (a full disk, say):
    then the old file is untouched and nothing is left behind.
    """
    write_whole(path, data, _MODE, None if gid is None else (-1, gid))


class Follower(Generic[T]):
    """Keeps ``current`` at the newest good content of ``path`` (None until there is one).

    The file is read at once and looked at every quarter of a second; ``on_change(new)`` is called for each later
    change, in the loop's thread. A file that is missing, cut (``decode`` raises) or older than the running one changes
    nothing and is reported once.
    """

    def __init__(
        self, path: Path, decode: Callable[[bytes], T], loop: Loop, on_change: Callable[[T], None] = lambda _new: None
    ) -> None:
        self._path = path
        self._decode = decode
        self._loop = loop
        self._on_change = on_change
        self._seen: tuple[int, ...] = ()
        self._reported: tuple[int, ...] | None = None
        self.current: T | None = None
        self._look()
        self._cancel = loop.call_later(_EVERY, self._again)

    def stop(self) -> None:
        """Look no more; ``current`` stays."""
        self._cancel()

    def _again(self) -> None:
        self._cancel = self._loop.call_later(_EVERY, self._again)
        if self._look() and self.current is not None:
            self._on_change(self.current)

    def _look(self) -> bool:
        """Take over what is new; tell whether anything was."""
        try:
            stamp = _stamp(self._path.stat())
            if stamp == self._seen:
                return False
            with self._path.open("rb") as file:
                self._seen = stamp = _stamp(os.fstat(file.fileno()))
                data = file.read()
        except FileNotFoundError:
            if self.current is not None:
                self._report((), "is gone")
            return False
        except OSError as error:
            self._report((error.errno or 0,), f"cannot be read: {describe(error)}")
            return False
        try:
            new = self._decode(data)
        except Exception as error:  # whatever is wrong with a file, the running snapshot stays in force
            self._report(stamp, f"is broken: {describe(error)}")
            return False
        if self.current is not None and new.version <= self.current.version:
            if new.version != self.current.version:
                self._report(stamp, "is older than the running one")
            return False
        self.current = new
        self._reported = None
        return True

    def _report(self, what: tuple[int, ...], text: str) -> None:
        if self._reported != what:
            self._reported = what
            _log.warning("the snapshot %s; %s", text, "the running one stays" if self.current else "there is none yet")


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
