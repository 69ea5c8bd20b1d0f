"""A unit's reload under way, inside the launcher's own loop: asked of the daemon, answered when it has gone over.

May live here: one connection to a daemon's own way of being reloaded. May not: anything that waits.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable

from appliance.daemon.reload_line import ReloadUnanswered, begin, reasons_in
from appliance.daemon.wire import Refusal

_PIECE = 65536

Answer = Callable[[Refusal | None], None]
"""To be called once: ``None`` for done, or why it was not."""


class Reloading:
    """Asks process ``pid`` and calls ``answer`` later. Raises ``ReloadUnanswered`` when it takes no such question.

    ``selector``'s data is a function to call when the descriptor is readable. Its end is seen in any case: the daemon
    gives up by itself, and the kernel tells when it has died.
    """

    def __init__(self, selector: selectors.BaseSelector, pid: int, answer: Answer) -> None:
        self._selector = selector
        self._answer = answer
        self._data = b""
        self._connection: socket.socket = begin(pid, 0.0)
        selector.register(self._connection, selectors.EVENT_READ, self._read)

    def _read(self) -> None:
        try:
            data = self._connection.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._data += data
            return
        self._selector.unregister(self._connection)
        self._connection.close()
        try:
            reasons = reasons_in(self._data)
        except ReloadUnanswered as error:
            reasons = [str(error)]
        self._answer(Refusal("reload-refused", "\n".join(reasons)) if reasons else None)
