"""How a figure is taken: ours and the peer alternately, medians, spread, ratio, goal.

The ratio is the median of each round's: a machine that is slower for a while is so for both.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ``ours`` and ``peer`` each take one figure in ``unit``; ``more_is_better`` tells which way.

    ``goal`` is the least ratio (ours/peer where more is better, peer/ours where less is) or ``None``: figures only.
    ``limit`` is an absolute goal in ``unit`` for ours, where PERFORMANCE.md sets one; ``rounds``: figures of each.
    Neighbours of one ``series`` are taken round by round together, for what several peers do is compared with ours.
    """

    name: str
    unit: str
    more_is_better: bool
    ours: Callable[[], float]
    peer: Callable[[], float]
    peer_name: str
    goal: float | None = None
    limit: float | None = None
    rounds: int = ROUNDS
    series: str = ""


def chosen(rows: Iterable[Row], words: Iterable[str], rounds: int | None) -> Iterator[Row]:
    """Give the rows whose name and peer have all ``words``, with so many ``rounds`` unless one is all they take."""
    wanted = [word.lower() for word in words]
    for row in rows:
        if all(word in f"{row.name} {row.peer_name}".lower() for word in wanted):
            yield row if rounds is None or row.rounds == 1 else replace(row, rounds=rounds)


def measure(rows: Iterable[Row], console: Console) -> None:
    """Take all figures and print one line a row as soon as it is there."""
    table = Table("Row", "Unit", "Ours", "Spread", "Peer", "Peer's", "Spread", "Ratio", "Goal")
    for _, series in itertools.groupby(enumerate(rows), key=lambda each: each[1].series or each[0]):
        for row, ours, peer in _taken([row for _, row in series]):
            mine, theirs = statistics.median(ours), statistics.median(peer)
            ratios = _ratios(row, ours, peer)
            ratio = statistics.median(ratios)
            told = f"{ratio:.2f} ({_spread(ratios)})"
            table.add_row(
                row.name, row.unit, _figure(mine), _spread(ours), row.peer_name, _figure(theirs), _spread(peer),
                told, _goal(row, mine, ratio),
            )  # fmt: skip
            console.print(f"{row.name}: {_figure(mine)} {row.unit}, {row.peer_name} {_figure(theirs)}, ratio {told}")
    console.print(table)


def _taken(rows: list[Row]) -> list[tuple[Row, list[float], list[float]]]:
    taken: list[tuple[Row, list[float], list[float]]] = [(row, [], []) for row in rows]
    for number in range(max(row.rounds for row in rows)):
        for row, ours, peer in taken:
            if number < row.rounds:
                ours.append(row.ours())
                peer.append(row.peer())
    return taken


def _ratios(row: Row, ours: list[float], peer: list[float]) -> list[float]:
    return [mine / theirs if row.more_is_better else theirs / mine for mine, theirs in zip(ours, peer, strict=True)]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(values: list[float]) -> str:
    return f"{_figure(min(values))}-{_figure(max(values))}"


def _goal(row: Row, mine: float, ratio: float) -> str:
    parts = []
    if row.goal is not None:
        parts.append(f"ratio >= {row.goal:g}: {'met' if ratio >= row.goal else 'MISSED'}")
    if row.limit is not None:
        good = mine >= row.limit if row.more_is_better else mine <= row.limit
        parts.append(f"{'>=' if row.more_is_better else '<='} {row.limit:g} {row.unit}: {'met' if good else 'MISSED'}")
    return "; ".join(parts) or "figures only"
