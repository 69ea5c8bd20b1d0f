"""The proxy against squid, tinyproxy, e2guardian and haproxy, and against no proxy at all; goals are PERFORMANCE.md's.

Ours signs in, decides by 200 rules, looks up five million domains, reads each ClientHello, counts and records; they do
none of it. The server under test has one core, its load, the origin and all else the other. That other core may have
more to do for a request than the proxy has, so that rates say less than CPU a request: how busy either was is printed
at the end. CPU and memory are those of the serving process; what our log of use spends beside it is printed too.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from bench import proxy_load as load
from bench.cores import beside
from bench.harness import Row
from bench.proxy_figures import House, Idle, Sample, Series
from bench.proxy_internet import internet
from bench.proxy_origin import origin
from bench.proxy_peers import HELD_BY_THREADS, peers
from bench.proxy_school import school
from bench.proxy_server import Server

_ROUNDS, _SECONDS, _KEPT, _CONNECTS = 5, 2, 50, 4000
_BULK, _BULK_TLS, _GB = 2 << 30, 1 << 30, 1e9
_IDLE, _OTHER_FILES = 10_000, 900
_ALL = ("squid", "haproxy", "tinyproxy", "e2guardian", "direct")
_TUNNELS = ("squid", "haproxy", "haproxy, spliced", "tinyproxy", "e2guardian", "direct")
_FAST = ("squid", "haproxy", "haproxy, spliced")
_MATTER = ("squid", "haproxy")
"""Whose figures are taken several times."""
_NO_GOALS: Mapping[str, float] = {}
_Figure = tuple[str, str, bool, Callable[[Sample], float], Mapping[str, float]]
"""What is told, its unit, whether more is better, where it stands, and the least ratio to which peer."""


def _rate(unit: str, goals: Mapping[str, float] = _NO_GOALS) -> _Figure:
    return "", unit, True, lambda sample: sample.rate, goals


def _cost(unit: str, scale: float, goals: Mapping[str, float] = _NO_GOALS) -> _Figure:
    return ", CPU", unit, False, lambda sample: sample.cost * scale, goals


_LATENCY: _Figure = "", "us", False, lambda sample: sample.median, {"squid": 1.11}


@contextlib.contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows while all servers run. Needs root, wrk, haproxy and squid; the other peers if they are there."""
    if os.geteuid() or shutil.which("wrk") is None or shutil.which("haproxy", path="/usr/sbin:/usr/bin") is None:
        print("proxy: skipped; needs root, wrk, haproxy and its other peers (make deps-test)")
        yield ()
        return
    _soft, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    most = min(_IDLE, files // 2 - _OTHER_FILES)
    with contextlib.ExitStack() as stack:
        stack.enter_context(beside())
        stack.enter_context(internet())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp")))
        beyond = stack.enter_context(origin(folder))
        ours, log_of_use, certificate = stack.enter_context(school(most))
        house = House({"ours": ours, **stack.enter_context(peers(certificate, most))}, beyond, log_of_use)
        series = _series(house)
        yield (
            *_idle(house, most),
            *(row for one, figures, names in series for row in _rows(house, one, figures, names)),
        )
        for one, _, _ in series:
            for line in one.told():
                print(line)


def _series(house: House) -> tuple[tuple[Series, tuple[_Figure, ...], tuple[str, ...]], ...]:
    """All loads, what is told of each, and of which peers."""
    return (
        (
            Series("HTTP 1 KiB, 50 kept connections", partial(_http, house, _KEPT, False)),
            (_rate("1/s", {"squid": 2.0}), _cost("us", 1e6, {"squid": 2.0})),
            _ALL,
        ),
        (Series("HTTP 1 KiB, one connection, p50", partial(_http, house, 1, False)), (_LATENCY,), _ALL),
        (
            Series("CONNECT", partial(_connects, house)),
            (_rate("1/s", {"squid": 1.3}), _cost("us", 1e6, {"squid": 1.3})),
            _ALL,
        ),
        (
            Series("tunnel, 2 GiB down", partial(_down, house, 1)),
            (_rate("GB/s"), _cost("s/GB", 1.0, {"squid": 2.5, "haproxy": 1.43})),
            _TUNNELS,
        ),
        (Series("50 tunnels, 2 GiB down", partial(_down, house, 50)), (_rate("GB/s"), _cost("s/GB", 1.0)), _FAST),
        (Series("tunnel, 2 GiB up", partial(_up, house)), (_rate("GB/s"), _cost("s/GB", 1.0)), _FAST),
        (
            Series("HTTP 1 KiB in TLS, 50 kept connections", partial(_http, house, _KEPT, True)),
            (_rate("1/s"), _cost("us", 1e6)),
            ("squid",),
        ),
        (
            Series("tunnel in TLS, 1 GiB down", partial(_down_in_tls, house)),
            (_rate("GB/s"), _cost("s/GB", 1.0)),
            ("squid",),
        ),
    )


def _rows(house: House, series: Series, figures: tuple[_Figure, ...], names: tuple[str, ...]) -> Iterator[Row]:
    ours = house.servers["ours"]
    for what, unit, more, figure, goals in figures:
        for name in names:
            peer = house.servers.get(name)
            if peer is not None and (peer.pid is not None or what != ", CPU"):
                yield Row(
                    f"Proxy: {series.name}{what}",
                    unit,
                    more,
                    series.reader(ours, figure),
                    series.reader(peer, figure),
                    name,
                    goals.get(name),
                    rounds=_ROUNDS if name in _MATTER else 1,
                    series=series.name,
                )


def _idle(house: House, most: int) -> Iterator[Row]:
    """First of all: what another load has left free would be used."""
    idle, ours = Idle(), house.servers["ours"]
    for wanted in (HELD_BY_THREADS, most):
        for name in ("squid", "haproxy", "tinyproxy", "e2guardian"):
            peer = house.servers.get(name)
            if peer is not None and peer.most >= wanted:
                what = f"Proxy: {wanted:,} idle tunnels, memory of each"
                take = partial(idle.take, peer, wanted)
                yield Row(what, "KiB", False, partial(idle.take, ours, wanted), take, name, limit=1.0, rounds=1)


def _http(house: House, connections: int, tls: bool, server: Server) -> Sample:
    return house.sample(server, lambda: load.requests(server, connections, _SECONDS, tls))


def _connects(house: House, server: Server) -> Sample:
    def work() -> tuple[float, float, float]:
        return _CONNECTS, load.arrive(server, _CONNECTS, _KEPT, lambda one: one.close()), 0.0

    return house.sample(server, work)


def _down(house: House, tunnels: int, server: Server) -> Sample:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(one) for one in load.opened(server, tunnels)]
        return house.sample(server, lambda: (_BULK / _GB, load.down(server, held, _BULK // tunnels), 0.0))


def _up(house: House, server: Server) -> Sample:
    (one,) = load.opened(server, 1)
    with one:
        return house.sample(server, lambda: (_BULK / _GB, load.up(server, one, _BULK), 0.0))


def _down_in_tls(house: House, server: Server) -> Sample:
    with load.opened_in_tls(server) as one:
        return house.sample(server, lambda: (_BULK_TLS / _GB, load.down_in_tls(server, one, _BULK_TLS), 0.0))
