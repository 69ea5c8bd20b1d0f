"""Which password was right a short while ago, so that a log-on at four services costs one hashing and not four.

May live here: what is remembered, of how many and for how long. May not: the directory, a clock, an answer. Passwords
are not kept: what is remembered is a keyed hash under a key that only this process has and that dies with it. It proves
nothing alone: it counts while the account's mark in the directory, asked each time, is the one from before the check.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import OrderedDict
from dataclasses import dataclass

from appliance.daemon.secret import Secret
from appliance.directory.records import Mark
from appliance.settings.load import Settings


@dataclass(frozen=True, slots=True)
class _Kept:
    digest: bytes
    mark: Mark
    until: float


class Memory:
    """Remembers for ``seconds`` (0: nothing), of at most ``most`` logins; instants are seconds of a monotonic clock."""

    def __init__(self, seconds: float, most: int = 10_000) -> None:
        self.seconds = seconds
        self._most = most
        self._key = os.urandom(hashlib.blake2b.MAX_KEY_SIZE)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def mark(self, login: str, password: Secret, now: float) -> Mark | None:
        """Return the mark of ``login`` (canonical) under which this ``password`` was right; ``None``: not known."""
        self._forget_old(now)
        kept = self._kept.get(login)
        if kept is None or not hmac.compare_digest(kept.digest, self._digest(login, password)):
            return None
        return kept.mark

    def keep(self, login: str, password: Secret, mark: Mark, now: float) -> None:
        """Remember that ``password`` was found right at ``now``, when ``mark`` had just been read."""
        self._forget_old(now)
        self._kept.pop(login, None)
        if self.seconds > 0:
            self._kept[login] = _Kept(self._digest(login, password), mark, now + self.seconds)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, login: str) -> None:
        """Remember nothing of ``login`` any more."""
        self._kept.pop(login, None)

    def _forget_old(self, now: float) -> None:
        """Those kept first end first."""
        while self._kept and next(iter(self._kept.values())).until <= now:
            self._kept.popitem(last=False)

    def _digest(self, login: str, password: Secret) -> bytes:
        return hashlib.blake2b(f"{login}\0{password.reveal()}".encode(), key=self._key).digest()


def memory_for(settings: Settings) -> Memory:
    """Make one as ``auth.yaml`` says.

    Somebody else's OpenLDAP may pass passwords on to a server whose changes no mark here tells of: nothing of them.
    """
    return Memory(0.0 if settings.directory.kind == "ldap" else settings.auth.remember)
