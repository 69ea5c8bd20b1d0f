"""Answers the supervisor on ``launcher.sock``: how are the units, restart one, reload one.

May live here: connections inside the launcher's own loop, in the wire format of every local request. May not: anything
that waits; an answer may come later.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Mapping
from typing import Any

from appliance.daemon.request_server import Peer
from appliance.daemon.wire import Lines, Refusal, Reply, Request, WireError
from appliance.supervisor.launcher.reloading import Answer
from appliance.supervisor.launcher.seam import UnitState

_CONNECTIONS = 32
_LINE_LIMIT = 4096

Verb = Callable[[str, Answer], None]


class Desk:
    """Serves ``listener`` (bound and listening) inside ``selector`` for peers whose uid is in ``allowed``.

    ``states`` tells how the units are; ``verbs`` are those that take the name of a unit, and whom to answer, now or
    later.
    The selector's data is a function to call when the descriptor is readable.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        listener: socket.socket,
        allowed: frozenset[int],
        states: Callable[[], list[UnitState]],
        verbs: Mapping[str, Verb],
    ) -> None:
        self._selector = selector
        self._listener = listener
        self._allowed = allowed
        self._states = states
        self._verbs = verbs
        self._open: dict[socket.socket, Lines] = {}
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """Close all connections and take the listener out of the selector."""
        for connection in list(self._open):
            self._drop(connection)
        self._selector.unregister(self._listener)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._open) >= _CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        self._open[connection] = Lines(_LINE_LIMIT)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(connection))

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_LINE_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        peer = Peer.of(connection)
        for line in self._open[connection].feed(data):
            self._take(line, peer, connection)

    def _take(self, line: bytes | None, peer: Peer, connection: socket.socket) -> None:
        if line is None:
            self._send(connection, Reply(None, Refusal("too-long", f"a request has at most {_LINE_LIMIT} bytes")))
            return
        try:
            request = Request.decode(line)
        except WireError as error:
            self._send(connection, Reply(None, Refusal("bad-request", str(error))))
            return

        def answer(outcome: Mapping[str, Any] | Refusal | None) -> None:
            self._send(connection, Reply(request.id, outcome or {}))

        self._carry_out(request, peer, answer)

    def _carry_out(
        self, request: Request, peer: Peer, answer: Callable[[Mapping[str, Any] | Refusal | None], None]
    ) -> None:
        verb, name = self._verbs.get(request.verb), request.arguments.get("name")
        if peer.uid not in self._allowed:
            answer(Refusal("not-allowed", "this is not open to the asking user"))
        elif request.verb == "states" and not request.arguments:
            answer({"units": [_as_json(state) for state in self._states()]})
        elif verb is None:
            answer(Refusal("unknown-verb", f"there is no such verb; known are states, {', '.join(self._verbs)}"))
        elif not isinstance(name, str) or len(request.arguments) != 1:
            answer(Refusal("bad-argument", "the one argument is name, text"))
        else:
            verb(name, answer)

    def _send(self, connection: socket.socket, reply: Reply) -> None:
        if connection not in self._open:
            return  # who asked has gone
        data = reply.encode()
        try:
            sent = connection.send(data)
        except OSError:
            sent = -1
        if sent != len(data):  # somebody who asks and does not read
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        del self._open[connection]
        connection.close()


def _as_json(state: UnitState) -> dict[str, Any]:
    return {
        "name": state.name,
        "state": state.state.value,
        "pid": state.pid,
        "since": state.since.isoformat(),
        "restarts": state.restarts,
        "status": state.status,
    }
