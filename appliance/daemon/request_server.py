"""Answering other daemons over a local socket (asyncio): a closed table of typed verbs, allowed by the caller's ids.

May live here: reading, checking and answering requests. May not: any verb. A request that is not entirely right does
nothing. Requests of one connection run at the same time; replies carry the request's id.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import GenericAlias
from typing import Any

from appliance.daemon.listeners import BACKLOG
from appliance.daemon.wire import LIMIT, Lines, Refusal, Reply, Request, WireError

_log = logging.getLogger(__name__)
_AT_ONCE = 64  # requests of one connection; further ones wait in the socket

Kind = type | GenericAlias | tuple[type | GenericAlias, ...]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks, as the kernel says: process, user and group id at the moment of connecting."""

    pid: int
    uid: int
    gid: int

    @staticmethod
    def of(connection: socket.socket) -> Peer:
        """Return who is at the other end of a connected Unix socket."""
        return Peer(*struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))


class RequestError(Exception):
    """Raised by a handler: the answer is an error of this ``kind`` (for programs) and ``text`` (for the caller)."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


Handler = Callable[[Mapping[str, Any], Peer], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Verb:
    """``handler`` is awaited with exactly the named ``arguments`` if ``allowed`` says yes to the peer.

    An argument's type is ``str``, ``int`` (no boolean), ``float`` (a whole number is taken too), ``bool``, ``list``,
    ``dict``, a list such as ``list[str]``, or a tuple of these; with ``type(None)`` in the tuple it may be left out and
    is then None. The handler returns a JSON object or raises :class:`RequestError`.
    """

    handler: Handler
    arguments: Mapping[str, Kind] = field(default_factory=dict)
    allowed: Callable[[Peer], bool] = lambda _peer: True


class RequestServer:
    """Open connections and running requests of one listening socket; made by :func:`serve`."""

    def __init__(self, verbs: Mapping[str, Verb], limit: int) -> None:
        self._verbs = dict(verbs)
        self._limit = limit
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        """Accept on ``listener`` (a listening Unix stream socket)."""
        listener.setblocking(False)
        # not start_unix_server: from Python 3.13 it would remove the socket's path, which is not ours, when it closes
        self._server = await asyncio.start_server(self._connected, sock=listener, backlog=BACKLOG)

    async def stop(self) -> None:
        """Accept nothing new, read nothing more, let running requests end and answer, then close the connections."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a connection is served in a task of its own
        self._connections.add(task)
        running: set[asyncio.Task[None]] = set()
        try:
            await self._read(reader, writer, running)
        except asyncio.CancelledError:
            _log.debug("stop reading a connection: the server ends")
        except ConnectionError:
            _log.debug("a caller went away")
        finally:
            if running:
                await asyncio.wait(running)
            writer.close()
            self._connections.discard(task)

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, running: set[asyncio.Task[None]]
    ) -> None:
        peer = Peer.of(writer.get_extra_info("socket"))
        lines = Lines(self._limit)
        while data := await reader.read(65536):
            for line in lines.feed(data):
                if line is None:
                    await _send(writer, Reply(None, Refusal("too-long", f"a request has at most {self._limit} bytes")))
                    continue
                try:
                    request = Request.decode(line)
                except WireError as error:
                    await _send(writer, Reply(None, Refusal("bad-request", str(error))))
                    return
                if len(running) >= _AT_ONCE:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.create_task(self._answer(request, peer, writer))
                running.add(task)
                task.add_done_callback(running.discard)

    async def _answer(self, request: Request, peer: Peer, writer: asyncio.StreamWriter) -> None:
        await _send(writer, Reply(request.id, await self._outcome(request, peer)))

    async def _outcome(self, request: Request, peer: Peer) -> Mapping[str, Any] | Refusal:
        try:
            verb = self._verbs.get(request.verb)
            if verb is None:
                return Refusal("unknown-verb", f"there is no such verb; known are {', '.join(sorted(self._verbs))}")
            if not verb.allowed(peer):
                _log.warning("%s refused to uid %d: not allowed", request.verb, peer.uid)
                return Refusal("not-allowed", "this is not open to the asking user")
            return await verb.handler(_checked(request.arguments, verb.arguments), peer)
        except RequestError as error:
            return Refusal(error.kind, error.text)
        except Exception:  # whatever a handler missed must not end the connections of others
            _log.exception("verb %s failed", request.verb)
            return Refusal("internal", "it failed; the journal says where")


async def serve(listener: socket.socket, verbs: Mapping[str, Verb], limit: int = LIMIT) -> RequestServer:
    """Answer ``verbs`` on ``listener``, requests of at most ``limit`` bytes, until the returned server is stopped."""
    server = RequestServer(verbs, limit)
    await server.start(listener)
    return server


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    try:
        line = reply.encode()
    except (TypeError, ValueError):
        _log.exception("a reply cannot be written as JSON")
        line = Reply(reply.id, Refusal("internal", "it failed; the journal says where")).encode()
    try:
        writer.write(line)
        await writer.drain()
    except ConnectionError:
        _log.debug("a caller did not wait for the reply")


def _checked(given: Mapping[str, Any], wanted: Mapping[str, Kind]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(wanted))
    if unknown:
        raise RequestError("bad-argument", f"{len(unknown)} unknown argument(s); known are {', '.join(sorted(wanted))}")
    for name, kind in wanted.items():
        if not _fits(given.get(name), kind):
            found = type(given[name]).__name__ if name in given else "nothing"
            raise RequestError("bad-argument", f"argument {name} must be {_words(kind)}, not {found}")
    return {name: given.get(name) for name in wanted}


def _fits(value: Any, kind: Kind) -> bool:
    if isinstance(kind, tuple):
        return any(_fits(value, one) for one in kind)
    if isinstance(kind, GenericAlias):
        (item,) = kind.__args__
        return isinstance(value, list) and all(_fits(one, item) for one in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _words(kind: Kind) -> str:
    if isinstance(kind, tuple):
        return " or ".join(_words(one) for one in kind)
    return "null" if kind is type(None) else str(kind) if isinstance(kind, GenericAlias) else kind.__name__
