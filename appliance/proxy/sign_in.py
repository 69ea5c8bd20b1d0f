"""Who sends a request: Basic (RFC 7617) on every request, checked by auth once and then remembered for a while.

May live here: credentials, what is remembered about them. May not: what the person may do (``session``). Passwords are
not kept: what is remembered is a keyed hash under a key that only this process has and that dies with it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from appliance.daemon.secret import Secret
from appliance.policy.account import Service
from appliance.session.house import Checker, House
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn, admit

_MOST = 10_000
_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class _Kept:
    guest: SignedIn
    until: float


class SignIn:
    """Checks sign-ins of one worker; ``remember`` seconds pass before auth is asked again. ``clock`` is monotonic."""

    def __init__(self, house: House, checker: Checker, remember: float, clock: Callable[[], float]) -> None:
        self.remember = remember
        self._house = house
        self._checker = checker
        self._clock = clock
        self._key = os.urandom(32)
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._asking: dict[bytes, list[Any]] = {}

    async def who(self, given: Sequence[str], address: str) -> SignedIn | Obstacle:
        """Say who sent the ``given`` values of Proxy-Authorization from the IP ``address``."""
        credentials = basic(given)
        if credentials is None:
            return Obstacle(Hitch.WRONG_PASSWORD)
        login, password = credentials
        mark = self.mark(given[0].encode())
        known = self.remembered(mark)
        if known is not None:
            return known
        waiting = self._asking.get(mark + address.encode())
        if waiting is not None:  # a browser opens six connections at once: one question answers them all
            answer: Any = Deferred()
            waiting.append(answer)
            return await answer  # type: ignore[no-any-return]  # Twisted's Deferred has no types here
        return await self._ask(mark, login, password, address)

    async def _ask(self, mark: bytes, login: str, password: Secret, address: str) -> SignedIn | Obstacle:
        waiting = self._asking[mark + address.encode()] = []
        outcome: SignedIn | Obstacle = Obstacle(Hitch.LATER)
        try:
            asked_at = self._house.now()
            verdict = await self._checker.verify(Service.WEB, login, password, address)
            outcome = admit(self._house.snapshot(), verdict, asked_at)
            if isinstance(outcome, SignedIn) and self.remember > 0:
                self._kept[mark] = _Kept(outcome, self._clock() + self.remember)
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
        finally:
            del self._asking[mark + address.encode()]
            for one in waiting:
                one.callback(outcome)
        return outcome

    def mark(self, secret: bytes) -> bytes:
        """Give what stands for ``secret`` here, without telling it: a value of Proxy-Authorization, or a whole head."""
        return hashlib.blake2b(self._key + secret).digest()  # BLAKE2 needs no HMAC: the key comes first

    def remembered(self, mark: bytes) -> SignedIn | None:
        """Say who this was when auth was asked, unless that is too long ago or the password was changed since."""
        kept = self._kept.get(mark)
        snapshot = self._house.snapshot()
        if kept is None or snapshot is None:
            return None
        guest = kept.guest
        account = snapshot.accounts.get(guest.login)
        changed = account is None or account.password_changed_at != guest.password_changed_at
        if changed or self._clock() >= kept.until:
            del self._kept[mark]
            return None
        return guest


def basic(given: Sequence[str]) -> tuple[str, Secret] | None:
    """Read Basic credentials in UTF-8; ``None`` when there are none that can be right."""
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "basic" or len(token) > _LONGEST:
        return None
    try:
        login, colon, password = base64.b64decode(token.strip(" "), validate=True).decode().partition(":")
    except ValueError:  # no base64, no ASCII, no UTF-8
        return None
    return (login, Secret(password)) if colon and login and password and "\0" not in login else None
