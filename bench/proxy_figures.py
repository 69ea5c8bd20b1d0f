"""What loads take of a proxy: units a second, CPU a unit, how busy either core was, memory of idle tunnels.

May live here: how figures are taken and kept for several rows. May not: which loads there are, what is compared.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench import proxy_load as load
from bench.cores import memory, seconds, spent
from bench.proxy_server import PATIENCE, Server
from tests.integration.demo.waiting import eventually

_QUIET, _FEW = 0.005, 300
"""CPU seconds from one look to the next, and descriptors, of a server that has nothing left to do."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One load's figures: ``rate`` in units a second, ``cost`` in CPU seconds a unit, ``median`` latency in us.

    ``recording`` is what the log of use spent a unit, ``core`` the server's share of its core, ``user`` how much of
    that was in user mode, ``others`` the share of the other core that load, origin and log of use took.
    """

    rate: float
    cost: float
    median: float
    recording: float
    core: float
    user: float
    others: float


@dataclass(frozen=True, slots=True)
class House:
    """All servers by name, the processes of what lies beyond them, and that of our log of use."""

    servers: Mapping[str, Server]
    beyond: tuple[int, int]
    log_of_use: int

    def sample(self, server: Server, work: Callable[[], tuple[float, float, float]]) -> Sample:
        """Do ``work``, which gives the units that it did, the seconds that they took, and p50 in us or 0."""
        own, others, log = self._spent(server), self._others(), seconds(self.log_of_use)
        units, taken, median = work()
        total, user, system = (now - then for now, then in zip(self._spent(server), own, strict=True))
        others, log = self._others() - others, seconds(self.log_of_use) - log
        return Sample(
            rate=units / taken,
            cost=total / units,
            median=median,
            recording=log / units,
            core=total / taken,
            user=user / ((user + system) or 1),
            others=(others + log) / taken,
        )

    def _others(self) -> float:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + ended.ru_utime + ended.ru_stime + sum(map(seconds, self.beyond))

    @staticmethod
    def _spent(server: Server) -> tuple[float, float, float]:
        if server.pid is None:
            return 0.0, 0.0, 0.0
        now = spent(server.pid)
        return now.total, now.user, now.system


@dataclass(frozen=True, slots=True)
class Series:
    """What one load took of each server, round by round; several rows read from it."""

    name: str
    take: Callable[[Server], Sample]
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def reader(self, server: Server, figure: Callable[[Sample], float]) -> Callable[[], float]:
        """Give what gives this figure of the first round, then that of the second, and so on."""
        numbers = itertools.count()
        samples = self.samples.setdefault(server.name, [])

        def read() -> float:
            number = next(numbers)
            while len(samples) <= number:
                samples.append(self.take(server))
            return figure(samples[number])

        return read

    def told(self) -> Iterator[str]:
        """Say how busy both cores were with each server."""
        for name, samples in self.samples.items():
            if not samples:
                continue
            core, user, others, recording = (
                statistics.median(getattr(one, key) for one in samples)
                for key in ("core", "user", "others", "recording")
            )
            own = f"{core:.0%} of its core ({user:.0%} of it user), " if core else ""
            log = f", log of use {recording * 1e6:,.0f} us each" if name == "ours" else ""
            yield f"{self.name}, {name}: {own}load and origin {others:.0%} of theirs{log}"


class Idle:
    """What idle tunnels take of the memory of each server; before any other load, which leaves room in it."""

    def __init__(self) -> None:
        self._before: dict[str, float] = {}
        self._taken: dict[tuple[str, int], float] = {}

    def take(self, server: Server, wanted: int) -> float:
        """KiB for each of so many tunnels, all of which still work afterwards; measured once, told to each row."""
        if (server.name, wanted) not in self._taken:
            self._taken[server.name, wanted] = self._measured(server, wanted)
        return self._taken[server.name, wanted]

    def _measured(self, server: Server, wanted: int) -> float:
        assert server.pid is not None
        if server.name not in self._before:
            load.requests(server, 50, 1)
            load.arrive(server, 200, 50, lambda one: one.close())
            self._before[server.name] = _at_rest(server.pid)
        held = load.opened(server, wanted)
        try:
            taken = memory(server.pid) - self._before[server.name]
            load.alive(server, held)
        finally:
            for one in held:
                one.close()
        _at_rest(server.pid)
        return taken / wanted


def _at_rest(pid: int) -> float:
    """Wait until a server has closed what was opened; its memory."""
    last = -1.0

    def quiet() -> bool:
        nonlocal last
        before, last = last, seconds(pid)
        return last - before < _QUIET and len(list(Path(f"/proc/{pid}/fd").iterdir())) < _FEW

    eventually(quiet, PATIENCE, "the server has closed its tunnels")
    return memory(pid)
