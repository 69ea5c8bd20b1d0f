"""Lists as large as the largest that schools use, made up; and the processes that build an index of them or hold one.

May live here: names, and what is measured of a process by itself. May not: peers, rows. Of ten domains seven have two
labels, one has ``www.`` before them, one is of a thousand hosts of blogs and one below a suffix like ``co.uk``.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.filter.build import build
from appliance.filter.entry import Entry, Kind
from appliance.filter.index import Index

_ASKED = 100_000
_STEP = 0.01
_SCATTER = 0x9E3779B97F4A7C15
_SHAPES = ("{}.example",) * 7 + ("www.{}.test", "{}.blog{}.example", "{}.co.test")
_KIB = 1024


def domain(number: int) -> str:
    """Give the domain of this number."""
    name = f"{(number * _SCATTER) % (1 << 64) >> 28:x}{number % 1000}"
    return _SHAPES[number % len(_SHAPES)].format(name, number % 9973 % 1000)


def entries(count: int, categories: int) -> Iterator[Entry]:
    """Give so many domains, dealt out to so many categories."""
    for number in range(count):
        yield Entry(f"c{number // 10 % categories}", Kind.DOMAIN, domain(number))


def asked(count: int) -> list[str]:
    """Give hosts of which half are listed, or below a listed one, in lists of so many domains."""
    order = random.Random(1)
    listed = [domain(order.randrange(count)) for _ in range(_ASKED // 2)]
    below = [f"cdn.{name}" if number % 2 else name for number, name in enumerate(listed)]
    others = [f"www.{order.getrandbits(40):x}.example" for _ in range(_ASKED // 2)]
    hosts = below + others
    order.shuffle(hosts)
    return hosts


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process spent: CPU in seconds, and memory at its peak in MiB."""

    cpu: float
    peak: float


def run(command: Sequence[str], fed: Path | None = None) -> Spent:
    """Run a command to its end with ``fed`` as input; nobody reads what it says."""
    with Path(fed or os.devnull).open("rb") as source:
        process = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL)
    peak, ended = 0.0, 0
    while not ended:
        peak = max(peak, _peak(process.pid))
        time.sleep(_STEP)
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return Spent(used.ru_utime + used.ru_stime, peak)


def _peak(pid: int) -> float:
    """MiB that a process had at most until now; 0 once it has ended. Its rusage would count ours before it began."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def module(what: str, index: Path, *numbers: int) -> list[str]:
    """Give the command that has this module ``build`` an index (domains, categories) or ``hold`` it (domains)."""
    return [sys.executable, "-m", "bench.filter_lists", what, str(index), *map(str, numbers)]


def _hold(path: Path, count: int) -> dict[str, float]:
    """MiB of the file that is mapped, and what the process got for itself, after look-ups."""
    hosts = asked(count)
    before = _private()
    index = Index.open(path)
    for host in hosts:
        index.of(host)
    mapped = 0.0
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    for line in lines:
        if line.endswith(str(path)):
            mapped += next(float(field.split()[1]) for field in lines if field.startswith("Rss:"))
    return {"mapped": mapped / 1024, "own": (_private() - before) / 1024}


def _private() -> float:
    """KiB without what is of files."""
    fields = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(float(line.split()[1]) for line in fields if line.startswith("Anonymous:"))


def main(what: str, index: str, *numbers: str) -> None:
    """Do what :func:`module` says."""
    if what == "build":
        build(entries(*map(int, numbers)), Path(index))
    else:
        print(json.dumps(_hold(Path(index), *map(int, numbers))))


if __name__ == "__main__":
    main(*sys.argv[1:])
