"""Answers that many wait for: asked for once, given to all, kept; an old one stands in when no new one comes.

May live here: who waits for what, and how many questions are under way. May not: how an answer is found.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Generic, TypeVar

from twisted.internet import defer

from appliance.proxy.names_cache import Cache

_MOST = {False: 200, True: 50}
"""Questions at once, for names outside and inside."""
_YOUNG = 2.0
"""Seconds that each question gets. Then it makes room: who asks for names that nobody answers keeps no others away."""
_PATIENCE = 1.8
"""Seconds after which an old answer is given while a new one is still awaited (RFC 8767, 5)."""
_V = TypeVar("_V")


class Missing(Enum):
    """Why there is no answer."""

    NAME = "there is no such name"
    ANSWER = "nobody could say in time"


Tell = Callable[[_V | Missing, float], None]
"""Takes an answer and the seconds for which it counts; the last one told is kept."""
Find = Callable[[str, float, Tell[_V]], Awaitable[None]]
"""Looks for the answer for a key until a deadline, and tells it; telling none is :attr:`Missing.ANSWER`."""


class Shared(Generic[_V]):
    """Answers by key, each looked for by ``find`` for at most ``timeout`` seconds.

    When nobody could say, ``silence`` seconds pass until somebody is asked again.
    """

    def __init__(self, reactor: Any, timeout: float, find: Find[_V], silence: float = 0.0) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._find = find
        self._silence = silence
        self._cache: Cache[_V | Missing] = Cache()
        self._waiting: dict[str, list[Any]] = {}
        self._running: dict[bool, dict[str, tuple[float, Any]]] = {inside: {} for inside in _MOST}

    def known(self, key: str) -> _V | Missing | None:
        """Give the answer that is kept, ``None`` when it must be asked for."""
        return self._cache.fresh(key, self._reactor.seconds())

    async def get(self, key: str, inside: bool) -> _V | Missing:
        """Give the answer that is kept, or ask for it; ``inside``: by the share for the school's own names."""
        known = self.known(key)
        if known is None and key not in self._waiting:
            if not self._room(inside):
                return self._old(key)
            asking: Any = defer.ensureDeferred(self._ask(key, inside))
            if key in self._waiting:
                self._running[inside][key] = self._reactor.seconds(), asking
            known = self.known(key)
        if known is not None:
            return known
        done: Any = defer.Deferred()
        self._waiting[key].append(done)
        if self._cache.stale(key, self._reactor.seconds()) is not None:
            done.addTimeout(_PATIENCE, self._reactor, onTimeoutCancel=lambda _result, _timeout: self._old(key))
        found: _V | Missing = await done
        return found

    def forget(self) -> None:
        """Let no answer that is kept count any more."""
        self._cache.clear()

    def _room(self, inside: bool) -> bool:
        """Whether one more question may be asked, instead of the oldest if need be."""
        running = self._running[inside]
        if len(running) < _MOST[inside]:
            return True
        since, oldest = next(iter(running.values()))
        if self._reactor.seconds() - since < _YOUNG:
            return False
        oldest.cancel()
        return True

    async def _ask(self, key: str, inside: bool) -> None:
        waiting = self._waiting[key] = []

        def tell(found: _V | Missing, seconds: float) -> None:
            self._cache.put(key, found, self._reactor.seconds(), seconds, stale=not isinstance(found, Missing))
            while waiting:
                waiting.pop().callback(found)

        try:
            await self._find(key, self._reactor.seconds() + self._timeout, tell)
        except defer.CancelledError:
            pass  # others need the room
        finally:
            self._running[inside].pop(key, None)
            del self._waiting[key]
            if self.known(key) is None and self._old(key) is Missing.ANSWER:
                tell(Missing.ANSWER, self._silence)
            found = self._old(key)
            while waiting:
                waiting.pop().callback(found)

    def _old(self, key: str) -> _V | Missing:
        """Give an answer that is over, which then counts again for a moment: not everybody has to wait."""
        now = self._reactor.seconds()
        found = self._cache.stale(key, now)
        if found is None:
            return Missing.ANSWER
        self._cache.prolong(key, now)
        return found
