"""Looking up names of sites: none waits for another, and a look-up that hangs harms only who asked for it.

May live here: look-up and its bounds. May not: which addresses are allowed (``addresses``), connecting (``upstream``).
The system's resolver blocks and cannot be stopped: each look-up has a thread of its own, which does not outlive the
process. While the way to the internet is gone every name outside hangs for many seconds; names inside the school then
have their own share of the threads.
"""

from __future__ import annotations

import socket
import threading
from enum import Enum
from typing import Any

from twisted.internet import defer

from appliance.proxy.addresses import Address, literal

_MOST = {False: 200, True: 50}  # look-ups at once, of names outside and inside
_NONE = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


class Missing(Enum):
    """Why there is no address."""

    NAME = "there is no such name"
    ANSWER = "nobody could say in time"


class Names:
    """Looks up names on ``reactor``, for at most ``timeout`` seconds each."""

    def __init__(self, reactor: Any, timeout: float) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._running = dict.fromkeys(_MOST, 0)

    async def look_up(self, host: str, inside: bool) -> list[Address] | Missing:
        """Return the addresses of ``host``, each once and in the resolver's order, or why there are none."""
        if self._running[inside] >= _MOST[inside]:
            return Missing.ANSWER
        done: Any = defer.Deferred()
        try:
            threading.Thread(target=self._ask, args=(host, inside, done), name="look-up", daemon=True).start()
        except RuntimeError:  # no thread left
            return Missing.ANSWER
        self._running[inside] += 1
        try:
            found: list[Address] | Missing = await done.addTimeout(self._timeout, self._reactor)
        except defer.TimeoutError:
            return Missing.ANSWER
        return found

    def _ask(self, host: str, inside: bool, done: Any) -> None:
        """Ask the system, in a thread."""
        found: list[Address] | Missing
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = (literal(str(row[4][0]).partition("%")[0]) for row in rows)
            found = list(dict.fromkeys(one for one in addresses if one is not None)) or Missing.NAME
        except socket.gaierror as error:
            found = Missing.NAME if error.errno in _NONE else Missing.ANSWER
        except UnicodeError:  # an empty label, or one that is too long
            found = Missing.NAME
        except OSError:
            found = Missing.ANSWER
        self._reactor.callFromThread(self._tell, inside, done, found)

    def _tell(self, inside: bool, done: Any, found: list[Address] | Missing) -> None:
        self._running[inside] -= 1
        if not done.called:
            done.callback(found)
