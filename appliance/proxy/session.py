"""What a guest has under way on the web, in the words of the policy: how much, and whether that still holds.

May live here: the life of a tunnel or of requests to one site. May not: what may pass (``gate``), HTTP, sockets, the
sign-in (``sign_in``), what it means to be signed in (``appliance.session``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Final, Protocol

from appliance.policy.account import Service
from appliance.policy.decision import Allow
from appliance.policy.request import Action
from appliance.proxy.allowance import with_tls
from appliance.proxy.gate import UNLIMITED, Gate, Passage, Wish
from appliance.proxy.metering import Meter
from appliance.proxy.pace import Pace
from appliance.proxy.replies import Refused, told
from appliance.proxy.target import Where, resource
from appliance.proxy.uses import Use
from appliance.session.obstacle import Obstacle
from appliance.session.signed_in import SignedIn
from appliance.session.visit import Visit

_LONGEST: Final = 60.0
"""Seconds for which requests to one site are recorded together."""
_ALL_ALIKE: Final = frozenset({""})
"""What the lists say of the pages of a site of which they know none."""


class Outcome(StrEnum):
    """How what was under way ended; ``policy.events`` says what each means."""

    DONE = "done"
    BROKEN_OFF = "broken-off"
    REFUSED = "refused"
    FAILED = "failed"


def admit(gate: Gate, wish: Wish, now: float, path: str = "") -> WebSession | Obstacle:
    """Begin what is wished at ``now`` (s, monotonic), or say what stands against it; see :meth:`Gate.judge`."""
    passed = gate.judge(wish, path)
    if isinstance(passed, Obstacle):
        return passed
    session = WebSession(gate, passed, now, path)
    return session.spent(now) or session


class Flow(Protocol):
    """What is under way in a session."""

    def stop(self, refused: Refused) -> None:
        """End, because the policy says no."""
        ...


class WebSession(Visit):
    """One tunnel, or the requests that one connection sends to one site, as long as the policy lets it go on.

    It begins at ``now`` (s, monotonic), by HTTP with what ``path`` is at the site. ``wish`` is what was allowed within
    ``limits``; ``flow`` is what carries the bytes now, if anything does. ``up`` and ``down`` are the bytes that were
    moved until now. For ``way`` and ``inside`` see ``Passage``.
    """

    __slots__ = (
        "_gate", "_listed", "_meter", "_path", "_since", "_until", "down", "flow", "inside", "limits", "requests", "up",
        "way", "wish",
    )  # fmt: skip

    def __init__(self, gate: Gate, passed: Passage, now: float, path: str = "") -> None:
        wish, allowed, self.way, self.inside = passed
        super().__init__(gate.house, Service.WEB, wish.guest, wish.address, _nothing)
        self._gate = gate
        self._since = gate.house.now()
        self._until = now + _LONGEST
        counts = wish.tunnel and allowed.limits is not UNLIMITED
        self._path = path
        self._listed: frozenset[str] | None = None
        self._meter = gate.meters.of(_who(wish), wish.where.host) if counts else None
        self.valid_until = allowed.valid_until
        self.wish = wish
        self.limits = allowed.limits
        self.flow: Flow | None = None
        self.up = self.down = 0
        self.requests = 0

    def spent(self, now: float) -> Obstacle | None:
        """Refuse a tunnel to a host with which as much was exchanged as may be, until the window has moved on (K12)."""
        limits = self.limits
        if self._meter is None or self._meter.within(limits.upload, limits.download):
            return None
        up = self._meter.frees(Action.WRITE, with_tls(limits.upload), now)
        down = self._meter.frees(Action.FETCH, with_tls(limits.download), now)
        if not up and not down:
            return None
        action = Action.WRITE if up > down else Action.FETCH
        refused = self._gate.weigh(self.wish, action, max(limits.upload, limits.download) + 1)
        if not isinstance(refused, Obstacle):
            return None
        self._meter.release()
        return replace(refused, retry_after=max(up, down))

    def count_up(self, size: int, now: float) -> bool:
        """Count ``size`` bytes that go up a tunnel at ``now`` (s, monotonic); whether they may pass."""
        self.up += size
        total = self.up if self._meter is None else self._meter.up(size, now)
        most = self.limits.upload
        return total <= most or total <= with_tls(most) or self.weigh(Action.WRITE, total) is None

    def count_down(self, size: int, now: float) -> bool:
        """Count ``size`` bytes that go down a tunnel at ``now`` (s, monotonic); whether they may pass."""
        self.down += size
        total = self.down if self._meter is None else self._meter.down(size, now)
        most = self.limits.download
        return total <= most or total <= with_tls(most) or self.weigh(Action.FETCH, total) is None

    def part_of(self, path: str) -> Meter:
        """Give the count of what is moved of ``path`` part by part; to be released."""
        return self._gate.meters.of(_who(self.wish), resource(self.wish.where, path))

    @property
    def paced(self) -> bool:
        """Whether the line is shared, in one direction at least."""
        return bool(self._gate.lines)

    def pace(self, action: Action, resume: Callable[[], None]) -> Pace | None:
        """Give the pace of the direction ``action``, if the line is shared."""
        line = self._gate.lines.get(action)
        return None if line is None else Pace(line.share(_who(self.wish)), resume)

    def goes_on(self, guest: SignedIn, where: Where, path: str, now: float) -> bool:
        """Whether one more request at ``now`` (s, monotonic) is part of it, if it sends nothing: nothing to decide.

        A request without a ``path`` is one for a tunnel, and never is.
        """
        mine = self.wish
        same = bool(path) and (
            (mine.guest is guest or mine.guest == guest)
            and (mine.where is where or mine.where == where)
            and not (self.ended or mine.tunnel)
            and now < self._until
            and (path == self._path or self._listed_alike(path))
        )
        if same:
            self._path = path
        return same

    def _listed_alike(self, path: str) -> bool:
        """Whether the lists say the same of ``path`` as of what was asked for before."""
        host, lists = self.wish.where.host, self._gate.lists
        if self._listed is None:
            self._listed = lists.of_url(host, self._path) if lists.by_path(host) else _ALL_ALIKE
        return self._listed is _ALL_ALIKE or lists.of_url(host, path) == self._listed

    def over(self, outcome: Outcome) -> None:
        """Record the use (K36): where to, and never what. Whatever became of it, it was refused if we ended it."""
        self.flow = None
        if self._meter is not None:
            self._meter.release()
        wish, where = self.wish, self.wish.where
        ended = Outcome.REFUSED if self.ended else outcome
        use = Use(self.who.login, wish.address, where.host, where.port, _way(wish), ended)
        self._gate.uses.add(use, self._since, max(self.requests, 1), self.up, self.down)

    def standing(self) -> Allow | Obstacle:
        """Whether it may go on, and with which limits."""
        self._listed = None  # rules or lists may be others now
        passed = self._gate.judge(self.wish, self._path)
        if isinstance(passed, Obstacle):
            return passed
        self.limits = passed.allowed.limits
        if passed.way != self.way:
            return self._gate.search_changed(self.wish)
        return self._gate.no_exception() if self.inside and not passed.inside else passed.allowed

    def told(self, obstacle: Obstacle) -> None:
        """End what is under way."""
        if self.flow is not None:
            self.flow.stop(told(obstacle, self.wish.action is Action.WRITE))

    def weigh(self, action: Action, size: int) -> Refused | None:
        """Say why ``size`` bytes (``WRITE`` up, ``FETCH`` down) are too many, ``None``: they pass by now."""
        return self._gate.too_large(self.wish, action, size, self._path)


def _nothing(_obstacle: Obstacle) -> None:
    return


def _who(wish: Wish) -> str:
    """Give whose bytes are counted together: an account's, or those of an address without owner."""
    return wish.guest.login or wish.address


def _way(wish: Wish) -> str:
    if wish.tunnel:
        return "tls" if wish.caught else "connect"
    return "http"
