"""The sockets of the data path: an epoll set of its own, which the reactor sees as one thing to read (decision 28).

May live here: who is told of what, and when a number may be used again. May not: reading and writing (``wire``), what
it is for. Sockets are watched edge by edge: whoever is told reads on until nothing is left, or asks to be told again.
A descriptor is closed after the events of its batch, so that no stranger's event reaches a number that was given anew.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import sys
from typing import Any, Final, Protocol

from appliance.daemon.logs import describe

_log = logging.getLogger(__name__)
EDGES: Final = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_BATCH: Final = 256
_FOR_SITES: Final = 1024
"""Descriptors that are left to the sites of those who are there already, when no one else is taken in."""
_ROUNDS: Final = 4
"""Batches in one turn of the reactor, which has timers and other sockets too."""


class Watched(Protocol):
    """Whoever owns a descriptor."""

    def ready(self, mask: int) -> None:
        """Take the events ``mask`` (epoll_ctl(2)); 0 for who asked to be told again."""
        ...

    def broke(self) -> None:
        """End: ``ready`` has raised."""
        ...


class Poller:
    """``now`` is the reactor's clock (s, monotonic) at the beginning of the batch; ``most`` descriptors are watched.

    What else needs descriptors (the snapshot, auth, questions to nameservers) has those beyond ``most``: whoever opens
    connection after connection keeps no lock from being heard of.
    """

    def __init__(self, reactor: Any, most: int = sys.maxsize) -> None:
        self.reactor = reactor
        self._most = most
        self.now: float = reactor.seconds()
        self._epoll = select.epoll()
        self._owners: list[Watched | None] = []  # by descriptor: numbers are given densely
        self._watched = 0
        self._again: list[Watched] = []
        self._ending: list[int] = []
        self._busy = False
        self._called: Any = None
        reactor.addReader(self)

    def __len__(self) -> int:
        """How many descriptors are watched."""
        return self._watched

    @property
    def full(self) -> bool:
        """Whether nobody else should be taken in: what is left is for the sites of those who are."""
        return self._watched >= self._most - min(_FOR_SITES, self._most // 8)

    def watch(self, descriptor: int, owner: Watched, events: int = EDGES) -> None:
        """Tell ``owner`` of the ``events`` of ``descriptor``; raises ``OSError`` when no more can be watched."""
        if self._watched >= self._most:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self._epoll.register(descriptor, events)
        if descriptor >= len(self._owners):
            self._owners.extend([None] * (descriptor + 1 - len(self._owners)))
        self._owners[descriptor] = owner
        self._watched += 1

    def close(self, descriptor: int) -> None:
        """Watch ``descriptor`` no more, and close it as soon as nobody can mistake its number."""
        self._let_go(descriptor)
        if self._busy:
            self._ending.append(descriptor)
        else:
            os.close(descriptor)

    def forget(self, descriptor: int) -> None:
        """Watch ``descriptor`` no more; it stays open."""
        if self._let_go(descriptor):
            self._epoll.unregister(descriptor)

    def again(self, owner: Watched) -> None:
        """Call ``owner`` in the next round: it has left something unread, so that others get their turn."""
        self._again.append(owner)
        if not self._busy:
            self._call_soon()

    def stop(self) -> None:
        """Watch nothing any more; descriptors stay open."""
        self.reactor.removeReader(self)
        self._owners[:] = [None] * len(self._owners)
        self._watched = 0
        self._again.clear()
        if self._called is not None:
            self._called.cancel()
            self._called = None
        self._epoll.close()

    # as the reactor sees it

    def fileno(self) -> int:
        """Give the descriptor of the set."""
        return -1 if self._epoll.closed else self._epoll.fileno()

    def logPrefix(self) -> str:
        """Name this in logs."""
        return "poller"

    def connectionLost(self, _reason: object) -> None:
        """Do nothing: the set is closed by :meth:`stop`."""

    def doRead(self) -> None:
        """Serve what is ready, for a bounded number of batches."""
        if self._busy or self._epoll.closed:
            return
        self._busy = True
        try:
            for _ in range(_ROUNDS):
                if not self._batch():
                    break
        finally:
            self._busy = False
        if self._again:
            self._call_soon()

    def _batch(self) -> bool:
        events = self._epoll.poll(0, _BATCH)
        again, self._again = self._again, []
        if not events and not again:
            return False
        self.now = self.reactor.seconds()
        owners = self._owners
        for descriptor, mask in events:
            owner = owners[descriptor]
            if owner is not None:
                try:
                    owner.ready(mask)
                except Exception as error:
                    _end(owner, error)
        for owner in again:
            try:
                owner.ready(0)
            except Exception as error:
                _end(owner, error)
        if self._ending:
            ending, self._ending = self._ending, []
            for descriptor in ending:
                os.close(descriptor)
        return not self._epoll.closed

    def _let_go(self, descriptor: int) -> bool:
        """Tell nobody of ``descriptor`` any more; whether anybody was told."""
        if descriptor >= len(self._owners) or self._owners[descriptor] is None:
            return False
        self._owners[descriptor] = None
        self._watched -= 1
        return True

    def _call_soon(self) -> None:
        if self._called is None:
            self._called = self.reactor.callLater(0, self._soon)

    def _soon(self) -> None:
        self._called = None
        self.doRead()


def _end(owner: Watched, error: Exception) -> None:
    """The fault of one connection is not that of the others."""
    _log.error("a connection broke: %s", describe(error))
    try:
        owner.broke()
    except Exception as other:  # and if one went on to the reactor, that would never call again
        _log.error("a connection could not be ended: %s", describe(other))
