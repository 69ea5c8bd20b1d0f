"""Bytes of each account and host over a sliding window (K12): a tunnel is not a transfer (decision 26).

May live here: counting, and forgetting. May not: limits, sockets, a clock. Names are kept as keyed hashes of 60 bits.
A window has 20 buckets, of which the oldest counts whole: a sum is never too small, and at most a bucket late.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice

from appliance.policy.request import Action

_BUCKETS = 20
_EACH = 1_000  # meters of one account
_CROWDED = _EACH * 7 // 8  # of these in use: those that come count together
_MOST = 50_000  # meters of all
_SWEPT = 200  # looked at by one sweep
_KNOWN = 10_000  # hashes that are kept: of logins and hosts, never of a URL
_REST = 0  # in place of a host's hash
_SPARED = 4  # bits of a hash: a number of 60 takes less memory than one of 64
_NOTHING = array("q")


@dataclass(frozen=True, slots=True)
class Count:
    """Bytes that were added at a meter, by the hashes of its account (``owner``) and of its host (``about``)."""

    owner: int
    about: int
    up: int
    down: int


@dataclass(slots=True)
class _Owner:
    home: Meters
    name: int
    meters: dict[int, Meter] = field(default_factory=dict)
    used: int = 0  # how many of them are in use


class Meter:
    """What one account moved to and from one host within the window. ``now``: monotonic seconds."""

    __slots__ = ("_about", "_bucket", "_down", "_owner", "_past", "_turn", "_up", "_users")

    def __init__(self, owner: _Owner, about: int) -> None:
        self._owner = owner
        self._about = about
        self._users = 0
        self._up = self._down = 0  # the sums of the window
        self._turn = 0.0  # when the next look at the window is due
        self._bucket = 0
        self._past: array[int] | None = None  # former buckets with something in them: number, up, down and so on

    def up(self, n: int, now: float) -> int:
        """Add ``n`` bytes to the server; the sum of the window, with these."""
        if now >= self._turn:
            self._look(now)
        self._up += n
        return self._up

    def down(self, n: int, now: float) -> int:
        """Add ``n`` bytes from the server; the sum of the window, with these."""
        if now >= self._turn:
            self._look(now)
        self._down += n
        return self._down

    def within(self, up: int, down: int) -> bool:
        """Whether the sums are at most ``up`` and ``down`` whatever the time is; they may be when this says no."""
        return self._up <= up and self._down <= down

    def frees(self, direction: Action, most: int, now: float) -> float:
        """In how many seconds the sum (``WRITE``: up, ``FETCH``: down) is at most ``most`` if nothing comes; 0: it is.

        For a new tunnel to a host that is over, and for Retry-After.
        """
        self.settle(now)
        column = 1 if direction is Action.WRITE else 2
        total = self._up if direction is Action.WRITE else self._down
        if total <= most:
            return 0.0
        last, past = self._bucket, self._past or _NOTHING
        for at in range(0, len(past), 3):
            total -= past[at + column]
            if total <= most:
                last = past[at]
                break
        return self._owner.home.gone_at(last) - now

    def release(self) -> None:
        """Say that one who asked for this meter needs it no more: to be called once for each ``Meters.of``."""
        self._users -= 1
        if not self._users:
            self._owner.used -= 1
            if self.empty:
                self._owner.home.forget(self)

    @property
    def empty(self) -> bool:
        """Whether it counts nothing and nobody uses it."""
        return not (self._users or self._up or self._down)

    def settle(self, now: float) -> None:
        """Let what lies before the window go."""
        bucket = self._owner.home.bucket(now)
        if bucket <= self._bucket:
            return
        past = self._past
        up = self._up - sum(past[1::3]) if past else self._up
        down = self._down - sum(past[2::3]) if past else self._down
        if up or down:
            if past is None:
                past = self._past = array("q")
            past.extend((self._bucket, up, down))
        self._bucket = bucket
        if past is not None:
            self._let_go(past, bucket - _BUCKETS)

    def _let_go(self, past: array[int], oldest: int) -> None:
        count = up = down = 0
        while count < len(past) and past[count] < oldest:
            up += past[count + 1]
            down += past[count + 2]
            count += 3
        if count:
            self._up -= up
            self._down -= down
            self._owner.home.moved(self, -up, -down)
            self._past = past[count:] or None

    def _look(self, now: float) -> None:
        self.settle(now)
        self._turn = self._owner.home.touched(self)


class Meters:
    """All meters of one worker over ``window`` seconds; workers that tell each other have the same ``key``.

    An account has 1,000 meters at the most, then those that nobody uses and that counted least are forgotten: who wants
    a sum forgotten has to move more elsewhere. With nearly all in use, the hosts that come share one meter.
    """

    def __init__(self, window: float, key: bytes | None = None) -> None:
        self.tells = False
        """Whether ``news`` is asked for."""
        self._width = window / _BUCKETS
        self._key = key or os.urandom(32)
        self._hashes: dict[str, int] = {}
        self._owners: dict[int, _Owner] = {}
        self._count = 0
        self._fresh: dict[Meter, list[int]] = {}  # meters with bytes that were not told yet, and their sums without
        self._round: Iterator[Meter] = iter(())
        self._now = 0  # the present bucket
        self._from = self._until = 0.0

    def __len__(self) -> int:
        """How many meters there are."""
        return self._count

    def __iter__(self) -> Iterator[Meter]:
        """Each of them."""
        return (meter for owner in self._owners.values() for meter in owner.meters.values())

    @property
    def window(self) -> float:
        """Seconds that count; when it is set, what was counted stays, as far as the new ones reach."""
        return self._width * _BUCKETS

    @window.setter
    def window(self, window: float) -> None:
        before, self._width = self._width, window / _BUCKETS
        self._from = self._until = 0.0
        if before != self._width:
            for meter in self:
                meter._turn = 0.0
                meter._bucket = int((meter._bucket + 1) * before / self._width)
                past = meter._past or _NOTHING
                for at in range(0, len(past), 3):
                    past[at] = int((past[at] + 1) * before / self._width)

    def of(self, login: str, about: str) -> Meter:
        """Give the meter of ``login`` for ``about``: the host of a tunnel, or the URL of what is fetched in clear.

        It is the same one as long as somebody uses it or it counts something. Give it back with ``release``.
        """
        meter = self._meter(self.hashed(login), self.hashed(about))
        if not meter._users:
            meter._owner.used += 1
        meter._users += 1
        return meter

    def sweep(self, now: float) -> None:
        """Forget what counts nothing any more; to be called every few seconds, each time it looks at some."""
        looked = False
        for meter in islice(self._round, _SWEPT):
            meter.settle(now)
            if meter.empty:
                self.forget(meter)
            looked = True
        if not looked:
            self._round = self._walk()

    def hashed(self, name: str) -> int:
        """Give what stands for ``name`` here: 60 bits, the same in all workers, never 0."""
        known = self._hashes.get(name)
        if known is None:
            digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8, key=self._key).digest()
            known = (int.from_bytes(digest) >> _SPARED) or 1
            if "/" not in name:
                if len(self._hashes) >= _KNOWN:
                    self._hashes.clear()
                self._hashes[name] = known
        return known

    def news(self) -> list[Count]:
        """Give what was counted here since the last call."""
        found = []
        for meter, (up, down) in self._fresh.items():
            meter._turn = 0.0
            if meter._up != up or meter._down != down:
                found.append(Count(meter._owner.name, meter._about, meter._up - up, meter._down - down))
        self._fresh.clear()
        return found

    def learn(self, counts: Iterable[Count], now: float) -> None:
        """Add what other workers counted."""
        for count in counts:
            meter = self._meter(count.owner, count.about)
            meter.settle(now)
            meter._up += count.up
            meter._down += count.down
            self.moved(meter, count.up, count.down)

    # for meters

    def bucket(self, now: float) -> int:
        """Give the number of the bucket of ``now``."""
        if not self._from <= now < self._until:
            self._now = int(now / self._width)
            self._from, self._until = self._now * self._width, (self._now + 1) * self._width
        return self._now

    def gone_at(self, bucket: int) -> float:
        """Say when what lies in ``bucket`` counts no more."""
        return (bucket + _BUCKETS + 1) * self._width + 1e-6  # not a rounding too early

    def touched(self, meter: Meter) -> float:
        """Hear that something is about to be counted; until when that need not be said again."""
        if self.tells and meter not in self._fresh:
            self._fresh[meter] = [meter._up, meter._down]
        return self._until

    def moved(self, meter: Meter, up: int, down: int) -> None:
        """Hear that the sums of ``meter`` changed by what is not to be told."""
        known = self._fresh.get(meter)
        if known is not None:
            known[0] += up
            known[1] += down

    def forget(self, meter: Meter) -> None:
        """Forget it."""
        owner = meter._owner
        if owner.meters.get(meter._about) is meter:
            del owner.meters[meter._about]
            self._count -= 1
            if not owner.meters:
                self._owners.pop(owner.name, None)

    def _meter(self, name: int, about: int) -> Meter:
        owner = self._owners.get(name)
        if owner is None:
            owner = _Owner(self, name)
        meter = owner.meters.get(about)
        if meter is not None:
            return meter
        if len(owner.meters) >= _EACH:
            if owner.used > _CROWDED:
                about = _REST
            else:
                self._forget_emptiest(owner)
        elif self._count >= _MOST:
            self._forget_emptiest(max(self._owners.values(), key=lambda one: len(one.meters) - one.used))
        meter = owner.meters.get(about)
        if meter is None:
            meter = owner.meters[about] = Meter(owner, about)
            self._owners[name] = owner
            self._count += 1
        return meter

    def _walk(self) -> Iterator[Meter]:
        for owner in list(self._owners.values()):
            yield from list(owner.meters.values())

    def _forget_emptiest(self, owner: _Owner) -> None:
        idle = [meter for meter in owner.meters.values() if not meter._users]
        for meter in nsmallest(max(1, len(idle) // 8), idle, key=lambda one: one._up + one._down):
            self.forget(meter)
