"""Accepting on a Unix socket that was handed in and stays somebody else's.

May live here: accepting. May not: any protocol. Twisted's own port would give the socket another mode, shorten its
queue and remove its path at the end (``adoptStreamPort``); the one who handed it in goes on with it.
"""

from __future__ import annotations

import errno
import logging
import socket
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

LOG = logging.getLogger(__name__)

_AT_ONCE = 32
_PAUSE = 0.5
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@implementer(IReadDescriptor)
class Accepting:
    """Gives each connection on ``listener`` (non-blocking, listening) to ``factory`` until :meth:`stop`."""

    def __init__(self, reactor: Any, listener: socket.socket, factory: Any) -> None:
        self._reactor = reactor
        self._listener = listener
        self._factory = factory
        self._stopped = False
        reactor.addReader(self)

    def stop(self) -> None:
        """Accept no more; who waits in the queue is served by the one who comes after us."""
        self._stopped = True
        self._reactor.removeReader(self)

    def fileno(self) -> int:
        """What the reactor watches."""
        return self._listener.fileno()

    def logPrefix(self) -> str:
        """How the reactor calls this."""
        return "accepting"

    def connectionLost(self, _reason: object) -> None:
        """Nothing: the reactor ends, the socket stays."""

    def doRead(self) -> None:
        """Take the next few connections."""
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as problem:
                if problem.errno not in _EXHAUSTED:
                    raise
                LOG.error("no connection can be accepted: %s; it is tried again", problem.strerror)
                self._reactor.removeReader(self)
                self._reactor.callLater(_PAUSE, self._resume)
                return
            with connection:
                connection.setblocking(False)
                self._reactor.adoptStreamConnection(connection.fileno(), socket.AF_UNIX, self._factory)

    def _resume(self) -> None:
        if not self._stopped:
            self._reactor.addReader(self)
