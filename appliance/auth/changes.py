"""Everything that writes a password: the own change, the reset, the first one, the probe's.

May live here: the order check, rule, write. May not: LDAP, keys, sockets. A password is written only if K02 holds, and
only the own change clears must-change. Changes of one account never overlap, so that a reset cannot get lost between
the check of the old password and the writing of the new one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol
from weakref import WeakValueDictionary

from appliance.auth.checking import Checker
from appliance.auth.credentials import canonical, prepared
from appliance.auth.replies import Change, ChangeVerdict
from appliance.auth.session import Journal
from appliance.auth.threads import Busy
from appliance.auth.throttle import Wait
from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryUnavailable, NotFound
from appliance.directory.records import Checked
from appliance.policy.events import Event, Kind
from appliance.policy.passwords import generate, problems
from appliance.policy.snapshot import Snapshot

_SAME = "The new password must differ from the old one."
_UNUSABLE = "The password needs 8 to 128 characters, all of which can be typed."


class Writer(Protocol):
    """Writes a password into the directory without holding up the loop."""

    async def write(self, login: str, password: Secret, must_change: bool) -> None:
        """Write it; raises ``NotFound``, ``DirectoryRefused``, or the temporary ``DirectoryUnavailable``, ``Busy``."""
        ...

    async def hidden(self, login: str) -> bool:
        """Whether ``login`` is an account of the server itself; raises as :meth:`write` does."""
        ...


class Changes:
    """Writes passwords. ``snapshot`` gives the newest snapshot each time it is called; ``school`` is the school's."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot | None],
        checker: Checker,
        writer: Writer,
        journal: Journal,
        school: str = "",
    ) -> None:
        self.school = school
        self._snapshot = snapshot
        self._checker = checker
        self._writer = writer
        self._journal = journal
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def change(self, login: str, old: Secret, new: Secret) -> ChangeVerdict:
        """Change an own password (K04); raises ``DirectoryRefused``."""
        snapshot = self._snapshot()
        if snapshot is None:
            return ChangeVerdict(Change.TRY_LATER)
        name = canonical(login, snapshot.domain)
        async with self._alone(name):
            checked = await self._checker.check(name, old, None)
            if isinstance(checked, Wait):
                return ChangeVerdict(Change.TRY_LATER, retry_after=checked.seconds)
            if checked is Checked.WRONG:
                return ChangeVerdict(Change.REFUSED)
            chosen = prepared(new)
            wrong = self._wrong_with(name, prepared(old), chosen)
            if chosen is None or wrong:
                return ChangeVerdict(Change.WEAK, wrong)
            try:
                await self._writer.write(name, chosen, must_change=False)
            except (DirectoryUnavailable, Busy):
                return ChangeVerdict(Change.TRY_LATER)
        self._journal.record(Event(Kind.PASSWORD_CHANGED, datetime.now(UTC), {"login": name}))
        return ChangeVerdict(Change.CHANGED)

    async def issue(self, logins: Sequence[str], by: str | None) -> dict[str, Secret]:
        """Write a one-time password for each of ``logins`` (K03) and return those that were written.

        ``by`` is who reset them, for the record; ``None``: they are first ones. What the directory does not know is
        missing in the result, and so is the rest when it goes away in between; raises ``DirectoryUnavailable`` or
        ``Busy`` if none was written at all, and ``DirectoryRefused``.
        """
        issued: dict[str, Secret] = {}
        for login in logins:
            password = Secret(generate(secrets.SystemRandom(), login, *self._names(login)))
            try:
                async with self._alone(login):
                    await self._writer.write(login, password, must_change=True)
            except NotFound:
                continue
            except (DirectoryUnavailable, Busy):
                if not issued:
                    raise
                break
            issued[login] = password
            if by is not None:
                self._journal.record(Event(Kind.PASSWORD_RESET, datetime.now(UTC), {"login": login, "by": by}))
        return issued

    async def issue_probe(self, login: str) -> Secret | None:
        """Write a password to keep for an account of the server itself; ``None``: ``login`` is none.

        Raises ``NotFound``, ``DirectoryRefused``, ``DirectoryUnavailable`` or ``Busy``.
        """
        if not await self._writer.hidden(login):
            return None
        password = Secret(f"{secrets.token_urlsafe(24)}-aA7")
        async with self._alone(login):
            await self._writer.write(login, password, must_change=False)
        return password

    def _wrong_with(self, name: str, old: Secret | None, new: Secret | None) -> tuple[str, ...]:
        if new is None:
            return (_UNUSABLE,)
        found = tuple(problem.message for problem in problems(new.reveal(), name, *self._names(name)))
        same = old is not None and old.reveal() == new.reveal()
        return (*found, _SAME) if same else found

    def _names(self, login: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give the names of the person and those of the school."""
        snapshot = self._snapshot()
        if snapshot is None:
            return (), (self.school,)
        account = snapshot.accounts.get(login)
        return () if account is None else (account.display_name,), (self.school, snapshot.domain.partition(".")[0])

    def _alone(self, login: str) -> asyncio.Lock:
        return self._locks.setdefault(login, asyncio.Lock())
