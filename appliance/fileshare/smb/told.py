"""What people are still to be told about cut uploads: kept on the disk until the supervisor has mailed it.

May live here: that list. May not: mails, words. Names of files are people's own: the file is root's, and the journal
gets counts.
"""

from __future__ import annotations

import itertools
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Final

from appliance.daemon.whole_file import write_whole
from appliance.fileshare.smb.remains import Remains

_log = logging.getLogger(__name__)
_MOST: Final = 500
_MOST_EACH: Final = 20
_LONGEST: Final = 7 * 86_400.0
"""Seconds after which it is of no use any more: there is no mail, or its owner gets none."""


class Told:
    """The list in the file ``path``; one that cannot be read is empty. ``clock`` gives seconds since 1970."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._waiting: dict[int, dict[str, Any]] = {}
        try:
            found = json.loads(path.read_bytes())
            self._waiting = {int(number): {**one, "at": float(one["at"])} for number, one in found.items()}
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            self._waiting = {}
        self._numbers = itertools.count(max(self._waiting, default=0) + 1)

    def add(self, login: str, remains: Iterable[Remains]) -> None:
        """Keep that the uploads ``remains`` of ``login`` were cut; of very many the first ones.

        When the list is full, whoever has the most in it makes room: nobody keeps another from being told.
        """
        now = self._clock()
        each = Counter(waiting["login"] for waiting in self._waiting.values())
        for one in remains:
            if each[login] >= _MOST_EACH:
                break
            path = "/".join(one.parts).encode(errors="replace").decode()
            self._waiting[next(self._numbers)] = {"login": login, "path": path, "removed": one.removed, "at": now}
            each[login] += 1
            if len(self._waiting) > _MOST:
                [(most, _)] = each.most_common(1)
                del self._waiting[next(number for number, kept in self._waiting.items() if kept["login"] == most)]
                each[most] -= 1
        self._save()

    def waiting(self) -> list[dict[str, Any]]:
        """Give what is to be told.

        ``id``, ``login``, ``path`` as he sees it, ``removed`` (else it is still there), ``at`` (seconds since 1970).
        """
        now = self._clock()
        old = [number for number, one in self._waiting.items() if not 0 <= now - one["at"] < _LONGEST]
        if old:
            self.done(old)
        return [{"id": number, **one} for number, one in self._waiting.items()]

    def done(self, numbers: Collection[int]) -> None:
        """Forget these."""
        for number in numbers:
            self._waiting.pop(number, None)
        self._save()

    def _save(self) -> None:
        try:
            write_whole(self._path, json.dumps(self._waiting).encode(), 0o600)
        except OSError as error:
            _log.error("what people are to be told cannot be kept: %s", error.strerror)
