"""What the tests of crashes share: seeded moments, and clients that work until one comes.

May live here: when it happens. May not: what the clients do, and what must be true of it.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import pytest

from tests.integration.support_disk import Disk, disk
from tests.integration.support_parts import short_folder

SEED: Final = os.environ.get("SCHOOL_SEED", "20261121")
"""All chance comes from it; a failure names it."""
_PATIENCE = 30.0
_MOMENTS, _MANY = 20, 200


def moments() -> list[object]:
    """Numbers of moments; those beyond the first few are for `make soak`."""
    return [pytest.param(one, marks=pytest.mark.soak if one >= _MOMENTS else ()) for one in range(_MANY)]


@dataclass(slots=True, kw_only=True)
class Load:
    """What some clients do, each in a thread of its own that runs :meth:`run`. ``steps`` counts all that happened."""

    chance: random.Random
    steps: int = 0
    over: bool = False
    _turn: threading.Condition = field(default_factory=threading.Condition)

    def run(self, number: int) -> None:
        """Be the client ``number`` until it is :attr:`over`."""
        raise NotImplementedError

    def after(self, steps: int) -> None:
        """Wait until so many more steps are done."""
        with self._turn:
            wanted = self.steps + steps
            assert self._turn.wait_for(lambda: self.steps >= wanted, _PATIENCE), f"{self.steps} of {wanted} steps"

    def end(self) -> None:
        """Begin nothing more."""
        self.over = True

    def step(self) -> None:
        """Count something that happened."""
        with self._turn:
            self.steps += 1
            self._turn.notify_all()


L = TypeVar("L", bound=Load)
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Place(Generic[S]):
    """A school and the disk on which its data is; how much each moment found acknowledged."""

    school: S
    disk: Disk
    acknowledged: list[int] = field(default_factory=list)


@contextmanager
def on_a_disk(make: Callable[[Path, ExitStack], S]) -> Iterator[Place[S]]:
    """Make a school whose data lies on a disk of its own."""
    with short_folder() as (folder, stack):
        (folder / "srv").mkdir()
        own = stack.enter_context(disk(folder / "srv"))
        school = make(folder, stack)
        own.sync()
        yield Place(school, own)


def something_was_acknowledged(place: Place[Any]) -> None:
    """See that the moments fell where there was something to lose; else they have shown nothing."""
    if not place.acknowledged:
        pytest.skip("no moment was chosen")
    assert sum(place.acknowledged) > 0


@contextmanager
def at_work(load: L, clients: int) -> Iterator[L]:
    """Let so many clients work until the end of the ``with``; nothing is under way afterwards."""
    threads = [threading.Thread(target=load.run, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.end()
        for thread in threads:
            thread.join(_PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
