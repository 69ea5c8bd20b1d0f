"""The filter's index of 5 million domains against squidGuard: look-ups, memory, building, and another one taken.

Of the hosts asked for half are listed or below a listed one. Rates are per second of CPU: of squidGuard's process,
which reads an address a line from a file and looks the host up in each list, and of our look-ups alone. Both know the
same domains, in one list or in ten. Another index is opened and checked by a thread while look-ups go on; told are the
look that takes it and lets go of the former one, and the longest look-up of that second: the least of five each, for
what else the machine does can only add to them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

from appliance.filter.current import Current
from bench.filter_lists import Spent, asked, entries, module, run
from bench.harness import Row

DOMAINS = 5_000_000
_LISTS = (1, 10)
_LIMIT_MIB, _LIMIT_PEAK_MIB, _LIMIT_MS = 60.0, 300.0, 1.0
_SECONDS, _TRIES = 1.0, 5
_MIB = 1 << 20
_CONFIGURATION = """\
dbhome {folder}
logdir {folder}
{lists}
acl {{ default {{ pass {refused} all
redirect http://localhost/ }} }}
"""


@contextlib.contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows once lists, indexes and databases are there. Needs squidGuard."""
    if shutil.which("squidGuard") is None:
        print("filter: skipped; needs squidGuard (make deps-test)")
        yield ()
        return
    hosts = asked(DOMAINS)
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp") as place:
        one, ten = (_Lists(Path(place) / str(count), count, hosts) for count in _LISTS)
        yield (
            Row("Filter: look-ups in one list", "1/s", True, one.rate, one.peer_rate, "squidGuard", 2.0),
            Row("Filter: look-ups in ten lists", "1/s", True, ten.rate, ten.peer_rate, "squidGuard", 2.0),
            _once("memory shared by all workers", "MiB", lambda: ten.held("mapped"), ten.peer_size, _LIMIT_MIB),
            _once(
                "memory of each worker's own", "MiB", lambda: ten.held("own"), lambda: one.held("own"), peer="one list"
            ),
            _once(
                "peak memory of a build", "MiB", lambda: ten.built.peak, lambda: ten.peer_built.peak, _LIMIT_PEAK_MIB
            ),
            _once("a build, CPU", "s", lambda: ten.built.cpu, lambda: ten.peer_built.cpu),
            Row("Filter: taking another index", "ms", False, ten.swap, ten.no_swap, "none there", limit=_LIMIT_MS),
            Row("Filter: longest look-up meanwhile", "ms", False, ten.longest, ten.undisturbed, "none there"),
        )


def _once(
    what: str,
    unit: str,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    limit: float | None = None,
    peer: str = "squidGuard",
) -> Row:
    return Row(f"Filter: {what}", unit, False, ours, theirs, peer, limit=limit, rounds=1)


class _Lists:
    """The same domains in so many lists, as two indexes and as squidGuard's databases, and the hosts asked for."""

    def __init__(self, folder: Path, count: int, hosts: Sequence[str]) -> None:
        folder.mkdir()
        self._folder, self._count, self._hosts = folder, count, hosts
        self._index = folder / "index"
        self._configuration = folder / "squidGuard.conf"
        self.peer_built = self._build_peer()
        self.built = run(module("build", self._index, DOMAINS, count))
        self._lines, self._nothing = folder / "lines", folder / "nothing"
        self._lines.write_text("".join(f"http://{host}/ 10.0.0.1/- - GET\n" for host in hosts))
        self._nothing.write_text("")

    def _build_peer(self) -> Spent:
        names = [f"c{number}" for number in range(self._count)]
        with contextlib.ExitStack() as stack:
            files = {}
            for name in names:
                (self._folder / name).mkdir()
                files[name] = stack.enter_context((self._folder / name / "domains").open("w"))
            for entry in entries(DOMAINS, self._count):
                files[entry.category].write(f"{entry.text}\n")
        lists = "\n".join(f"dest {name} {{ domainlist {name}/domains }}" for name in names)
        refused = " ".join(f"!{name}" for name in names)
        self._configuration.write_text(_CONFIGURATION.format(folder=self._folder, lists=lists, refused=refused))
        return run(["squidGuard", "-c", str(self._configuration), "-C", "all"])

    def rate(self) -> float:
        of = Current(self._index).index.of
        begun = time.process_time()
        for host in self._hosts:
            of(host)
        return len(self._hosts) / (time.process_time() - begun)

    def peer_rate(self) -> float:
        command = ["squidGuard", "-c", str(self._configuration)]
        return len(self._hosts) / (run(command, self._lines).cpu - run(command, self._nothing).cpu)

    def held(self, what: str) -> float:
        answer = subprocess.run(module("hold", self._index, DOMAINS), check=True, stdout=subprocess.PIPE).stdout
        return float(json.loads(answer)[what])

    def peer_size(self) -> float:
        return sum(path.stat().st_size for path in self._folder.glob("*/domains.db")) / _MIB

    def swap(self) -> float:
        return min(self._swapped(taken=True)[0] for _ in range(_TRIES))

    def no_swap(self) -> float:
        return min(self._swapped(taken=False)[0] for _ in range(_TRIES))

    def longest(self) -> float:
        return min(self._swapped(taken=True)[1] for _ in range(_TRIES))

    def undisturbed(self) -> float:
        return min(self._swapped(taken=False)[1] for _ in range(_TRIES))

    def _another(self) -> Path:
        other = self._folder / "other"
        if not other.exists():
            run(module("build", other, DOMAINS, self._count))
        return other

    def _swapped(self, taken: bool) -> tuple[float, float]:
        """Give ms of the look that takes another index, or takes none, and of the longest look-up in about a second."""
        place = self._folder / "acting"
        _put(self._index, place)
        acting = Current(place)
        if taken:
            _put(self._another(), place)
        longest = look = 0.0
        took = not taken
        before = begun = time.perf_counter()
        for host in cycle(self._hosts):
            other = acting.look()
            looked = time.perf_counter()
            if other is taken and not (took and taken):
                took, look = True, looked - before
            acting.index.of(host)
            now = time.perf_counter()
            longest = max(longest, now - looked)
            before = now
            if took and now - begun > _SECONDS:
                break
        return 1000 * look, 1000 * longest


def _put(index: Path, place: Path) -> None:
    beside = place.with_suffix(".new")
    os.link(index, beside)
    beside.rename(place)
    beside.unlink(missing_ok=True)  # renaming to another name of the same file does nothing
