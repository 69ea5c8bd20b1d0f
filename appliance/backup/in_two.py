"""Work on many things, done by two processes at once: this one and a child of it.

May live here: sharing out and gathering. May not: what the work is.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, TypeVar

_FEW: Final = 16

T = TypeVar("T")
R = TypeVar("R")


def in_two(work: Callable[[T], R], things: Sequence[T]) -> Generator[tuple[T, R], None, None]:
    """Give each of ``things`` with what ``work`` makes of it, in no order; what that raises is raised here.

    The child begins with all that is here now, and what it changes is not seen here. It ends with us, and with the
    generator, which is to be closed; if it is ended before, the rest is done here.
    """
    child_has = things[1::2] if len(things) > _FEW and len(os.sched_getaffinity(0)) > 1 else ()
    if not child_has:
        yield from ((thing, work(thing)) for thing in things)
        return
    ours, its = Pipe(duplex=False)
    child = get_context("fork").Process(target=_run, args=(work, child_has, ours, its), daemon=True)
    child.start()
    its.close()
    waiting = iter(child_has)
    try:
        for thing in things[::2]:
            yield thing, work(thing)
            if ours.poll():
                yield from _next(ours, waiting, work)
        for _ in child_has:
            yield from _next(ours, waiting, work)
    finally:
        child.kill()
        child.join()
        ours.close()


def _next(ours: Connection, waiting: Iterator[T], work: Callable[[T], R]) -> Iterator[tuple[T, R]]:
    """What comes of the child's next thing, if there is one."""
    for thing in waiting:
        try:
            found, error = ours.recv()
        except EOFError:
            found, error = work(thing), None
        if error is not None:
            raise error
        yield thing, found
        return


def _run(work: Callable[[T], Any], things: Sequence[T], ours: Connection, its: Connection) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    ours.close()  # else we would not hear that nobody listens any more
    for thing in things:
        try:
            found, failed = work(thing), None
        except Exception as error:  # it is the parent's
            found, failed = None, error
        try:
            its.send((found, failed))
        except BrokenPipeError:
            return
        if failed is not None:
            return
