"""One password tried: throttle, then directory. The only way to a bind, for sign-ins and for changes.

May live here: what keeps guessing slow and unknown logins unknown. May not: what an account may do. The directory is
asked each time; a password that was right a short while ago it need not hash again (``memory``).
Nothing here tells an unknown login from a wrong password, neither by its outcome nor by its time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from appliance.auth.credentials import possible, prepared
from appliance.auth.memory import Memory
from appliance.auth.threads import Busy
from appliance.auth.throttle import Throttle, Wait
from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryUnavailable
from appliance.directory.records import Checked, Mark
from appliance.policy.snapshot import Snapshot

_log = logging.getLogger(__name__)
_SILENCE = 60.0  # seconds between two reports that the directory is away


class Binder(Protocol):
    """Checks a password against the directory without holding up the loop."""

    async def check(self, login: str, password: Secret) -> Checked:
        """Return how it went; raises ``DirectoryUnavailable`` or ``Busy``, both temporary."""
        ...

    async def check_since(self, login: str, password: Secret, known: Mark | None) -> tuple[Checked, Mark | None]:
        """The same, but GOOD at once while the account's mark is the ``known`` one; return the mark from before too."""
        ...


class Checker:
    """Tries passwords. ``snapshot`` gives the newest snapshot at each call, ``clock`` monotonic seconds."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot | None],
        binder: Binder,
        throttle: Throttle,
        clock: Callable[[], float],
        memory: Memory,
    ) -> None:
        self._snapshot = snapshot
        self._binder = binder
        self._throttle = throttle
        self._clock = clock
        self._memory = memory
        self._decoy: tuple[Snapshot, str | None] | None = None
        self._away_since: float | None = None
        self._silent_until = 0.0

    def use(self, throttle: Throttle, memory: Memory) -> None:
        """Go on with other numbers; failures so far, and what was remembered, are forgotten."""
        self._throttle, self._memory = throttle, memory

    async def check(self, name: str, password: Secret, address: str | None) -> Checked | Wait:
        """Try ``password`` for the canonical login ``name`` from ``address`` (an IP as text; ``None``: this machine).

        ``Wait`` of 0 seconds: nobody knows how long, directory or snapshot is away. Raises ``ValueError`` for an
        address that is none.
        """
        snapshot, typed, throttle = self._snapshot(), prepared(password), self._throttle
        if snapshot is None:
            return Wait(0.0)
        if typed is None or not possible(name):
            return Checked.WRONG
        attempt = throttle.admit(name, address, self._clock())
        if isinstance(attempt, Wait):
            return attempt
        right: bool | None = None
        try:
            checked = await self._bind(name, typed, snapshot)
            right = checked is not Checked.WRONG
        except (DirectoryUnavailable, Busy) as error:
            self._report(error)
            return Wait(0.0)
        finally:
            throttle.settle(attempt, right, self._clock())
        self._report(None)
        return checked

    async def _bind(self, name: str, password: Secret, snapshot: Snapshot) -> Checked:
        """Bind; where the directory would not even hash, spend the time on an account of the server itself.

        The directory lets nobody know whether a disabled account's password was right.
        """
        account = snapshot.accounts.get(name)
        if account is not None and not account.disabled:
            if account.hidden:  # a probe proves that passwords are checked
                return await self._binder.check(name, password)
            return await self._checked(name, password)
        decoy = self._decoy_of(snapshot)
        if decoy is not None:
            await self._checked(decoy, password)
        return Checked.WRONG

    async def _checked(self, name: str, password: Secret) -> Checked:
        """Ask the directory, to hash only what is not remembered; a wrong one takes the same way for everybody."""
        memory, now = self._memory, self._clock()
        if not memory.seconds:
            return await self._binder.check(name, password)
        known = memory.mark(name, password, now)
        checked, mark = await self._binder.check_since(name, password, known)
        if checked is not Checked.GOOD or mark is None:
            if known is not None:
                memory.forget(name)
        elif mark != known:
            memory.keep(name, password, mark, now)
        return checked

    def _report(self, error: Exception | None) -> None:
        """Tell the carer that the directory is away, with the reason, and that it is back; not each time."""
        now = self._clock()
        if error is None and self._away_since is not None:
            _log.warning("passwords are checked again after %.0f s", now - self._away_since)
            self._away_since = None
        if error is not None and now >= self._silent_until:
            _log.warning("passwords cannot be checked: %s", error)
            self._away_since = now if self._away_since is None else self._away_since
            self._silent_until = now + _SILENCE

    def _decoy_of(self, snapshot: Snapshot) -> str | None:
        if self._decoy is None or self._decoy[0] is not snapshot:
            hidden = (name for name, account in snapshot.accounts.items() if account.hidden)
            self._decoy = snapshot, min(hidden, default=next(iter(snapshot.accounts), None))
        return self._decoy[1]
