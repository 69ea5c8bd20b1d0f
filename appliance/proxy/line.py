"""One direction of the school's line, shared fairly among accounts, however many connections each of them has.

May live here: handing out tokens (bytes). May not: sockets, a reactor, a clock; other workers (``line_part``).

Who wants more than there is waits, and each tick hands what came in since the last one to the waiting accounts in equal
parts. Who takes no more than that needs not wait: an account may take ahead up to its credit, which is paid back at the
rate at which the waiting ones are served (start-time fair queueing, Goyal 1996: ``_served`` is its virtual time).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)
_BURST = 0.1  # seconds of the line's rate that may pass at once
_DEBT = 0.5  # of the burst: so much may pass before it came in
_CREDIT = 16 * 1024  # bytes at the least
_LEAST = 4 * 1024  # bytes: for less nobody is woken
_ENDLESS = 1 << 62
_READ = 16 * 1024  # bytes that a flow is thought to take when it is woken


class Share:
    """What one account has of the line; its flows (connections) take from it."""

    __slots__ = ("_ahead", "_flows", "_lightly", "_line", "_login", "_tokens", "_waiting", "_weight")

    def __init__(self, line: Line, login: str) -> None:
        self._line = line
        self._login = login
        self._flows = 0
        self._tokens = 0  # handed out and not taken yet
        self._ahead = 0.0  # the line's virtual time at which all that was taken is paid
        self._weight = 1.0  # below 1: other workers serve this account, too
        self._lightly = 0  # bytes taken without waiting since the last report
        self._waiting: deque[Callable[[], None]] | None = None

    def take(self, most: int) -> int:
        """Give how many bytes may be moved now, 0 to ``most``; they count as taken. After less than ``most``: wait."""
        tokens = self._tokens
        if tokens >= most:
            self._tokens = tokens - most
            return most
        more = self._line.spare(self, most - tokens)
        if tokens + more < _LEAST and tokens + more < most and not self._line.slow:
            return 0
        self._tokens = 0
        if more:
            self._line.charge(self, more)
        return tokens + more

    def give_back(self, n: int) -> None:
        """Give back ``n`` bytes that were taken and not moved after all."""
        if self._waiting:
            self._tokens += n
            self._line.handed.add(self)
        else:
            self._line.repay(self, n)

    def wait(self, resume: Callable[[], None]) -> None:
        """Have ``resume`` called once, in a tick, when there are tokens again; flows of one account come in turn.

        It is to take and move bytes then and there, and to wait again for more; a flow that has ended does nothing. So
        it is known what is left for the next flow; what one takes after ``resume`` is only guessed.
        """
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(resume)
        self._line.waiting[self] = None

    def release(self) -> None:
        """Say that a flow needs it no more: to be called once for each ``Line.share``."""
        self._flows -= 1
        if not self._flows:
            self._line.left(self)


class Line:
    """One direction (there are two) with ``rate`` bytes a second. Used from one thread.

    While ``waiting`` is not empty, ``tick`` is to be called every 20 to 50 ms, otherwise it need not be.
    """

    def __init__(self, rate: float) -> None:
        self.watched = False
        """Whether ``wants`` is asked for."""
        self.waiting: dict[Share, None] = {}
        """The accounts that wait, in turn."""
        self.handed: set[Share] = set()
        self.slow = False
        self._shares: dict[str, Share] = {}
        self._gone: set[Share] = set()  # nobody has them, but they are not paid yet
        self._last: float | None = None
        self._served = 0.0
        self._hungry: set[str] = set()
        self._light: set[Share] = set()
        self._rate = rate
        self._part = 1.0
        self._measure()
        self._pool = self._burst

    @property
    def rate(self) -> float:
        """Bytes a second of the whole line; may be set."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = rate
        self._measure()

    @property
    def part(self) -> float:
        """How much of the rate is this worker's, above 0 to 1; may be set."""
        return self._part

    @part.setter
    def part(self, part: float) -> None:
        self._part = part
        self._measure()

    def __len__(self) -> int:
        """How many accounts are known."""
        return len(self._shares)

    def share(self, login: str) -> Share:
        """Give the share of ``login`` for one more flow; to be given back with ``release``."""
        share = self._shares.get(login)
        if share is None:
            share = self._shares[login] = Share(self, login)
        share._flows += 1
        return share

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Set how much accounts count here: 1, or less (above 0) for those of ``weights``."""
        for login, share in self._shares.items():
            share._weight = weights.get(login, 1.0)

    def end(self) -> None:
        """Share no more: who waits goes on, and nobody who has a share now waits again."""
        self.watched = False
        self._light.clear()
        hungry = list(self.waiting)
        for share in self._shares.values():
            share._tokens = _ENDLESS
        for share in hungry:
            self._wake(share)

    def wants(self) -> tuple[int, set[str]]:
        """Give what happened since the last call: bytes of those who never waited, and who waited."""
        hungry = self._hungry | {share._login for share in self.waiting}
        light = sum(share._lightly for share in self._light if share._login not in hungry)
        for share in self._light:
            share._lightly = 0
        self._light.clear()
        self._hungry = set()
        return light, hungry

    def tick(self, now: float) -> None:
        """Hand out what came in since the last tick (``now``: monotonic seconds), then wake who waits for it."""
        passed = 0.0 if self._last is None else max(0.0, now - self._last)
        self._last = now
        self._pool += passed * self._rate * self._part
        self._let_pass()
        self._take_back()
        if self._gone:
            self._forget_paid()
        hungry = list(self.waiting)
        if hungry and self._pool >= 1:
            self._hand_out(hungry)
        self._let_pass()
        for share in hungry:
            self._wake(share)

    # for shares

    def spare(self, share: Share, most: int) -> int:
        """Say how many bytes, up to ``most``, ``share`` may take beside what was handed to it."""
        if not self.waiting and self._pool >= most:
            return most
        if share._waiting:
            return 0
        credit = self._credit - max(0.0, share._ahead - self._served) * share._weight
        free = self._pool if not self.waiting else 0.0
        return max(0, min(most, int(max(free, min(credit, self._pool + self._burst * _DEBT)))))

    def charge(self, share: Share, n: int) -> None:
        """Hear that ``share`` took ``n`` bytes that were not handed to it."""
        self._pool -= n
        share._ahead = max(share._ahead, self._served) + n / share._weight
        if self.watched:
            share._lightly += n
            self._light.add(share)

    def repay(self, share: Share, n: int) -> None:
        """Hear that ``share`` took ``n`` bytes less."""
        self._pool += n
        share._ahead -= n / share._weight
        share._lightly = max(0, share._lightly - n)

    def left(self, share: Share) -> None:
        """Hear that no flow has ``share``; what it took ahead is remembered until it is paid."""
        if share._ahead <= self._served:
            self._forget(share)
        else:
            self._gone.add(share)

    def _measure(self) -> None:
        rate = self._rate * self._part
        self._burst = rate * _BURST
        self._credit = max(_CREDIT, self._burst / 8)
        self.slow = self._burst < 2 * _LEAST

    def _forget_paid(self) -> None:
        for share in [one for one in self._gone if one._flows or one._ahead <= self._served]:
            self._gone.discard(share)
            if not share._flows:
                self._forget(share)

    def _forget(self, share: Share) -> None:
        self.repay(share, share._tokens)
        share._tokens = 0
        self.handed.discard(share)
        self.waiting.pop(share, None)
        self._shares.pop(share._login, None)

    def _let_pass(self) -> None:
        """Let go what nobody wanted in time: who took ahead has paid by it."""
        over = self._pool - self._burst
        if over > 0:
            self._served += over
            self._pool = self._burst

    def _take_back(self) -> None:
        """Take back what was handed to those who want no more."""
        for share in [one for one in self.handed if not one._waiting]:
            self.repay(share, share._tokens)
            share._tokens = 0
        self.handed = {one for one in self.handed if one._tokens}

    def _hand_out(self, hungry: list[Share]) -> None:
        each = self._pool / sum(share._weight for share in hungry)
        before = self._served
        self._served += each
        for share in hungry:
            n = min(int(each * share._weight), int(self._burst) - share._tokens)
            if n > 0:
                self._pool -= n
                share._tokens += n
                share._ahead = max(share._ahead, before) + n / share._weight
                self.handed.add(share)

    def _wake(self, share: Share) -> None:
        waiting, left = share._waiting, share._tokens
        if not waiting:
            self.waiting.pop(share, None)
            return
        least = 1 if self.slow else _LEAST
        for _ in range(len(waiting)):
            if min(left, share._tokens) < least:
                break
            left -= _READ
            resume = waiting.popleft()
            try:
                resume()
            except Exception:  # one flow is not all of them
                _log.exception("a connection cannot go on")
        if self.watched:
            self._hungry.add(share._login)
        if not waiting:
            self.waiting.pop(share, None)
