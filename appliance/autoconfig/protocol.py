"""One connection: TLS, one request, its answer, the end. Everything together within a few seconds.

May live here: reading and writing, limits, times. May not: what is answered (``routes``), HTTP's grammar (``daemon``).
Connections are counted before anything is read or encrypted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from appliance.autoconfig.response import plain
from appliance.autoconfig.routes import Asked, Routes
from appliance.daemon.http_framing import BadBody, request_body
from appliance.daemon.http_head import BadHead, RequestHead, cut_head, request_head
from appliance.daemon.logs import describe

_log = logging.getLogger(__name__)
_BODY_MAX: Final = 16 * 1024
_PIECE: Final = 4096
_LINGER: Final = 1.0
"""Seconds for a client to read the answer and close."""


class _Gone(Exception):
    """The other side closed before it had asked."""


@dataclass(slots=True)
class Shared:
    """What all connections go by: the ``routes``, the ``tls`` of new ones, ``deadline`` in seconds for each."""

    routes: Routes
    tls: ssl.SSLContext
    deadline: float
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


class Conversation:
    """A connection over ``link``, which is closed at the end; a ``Closable`` of ``daemon.connections``."""

    def __init__(self, shared: Shared, link: socket.socket, encrypted: bool) -> None:
        self._shared, self._link, self._encrypted = shared, link, encrypted
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Serve it; the task ends with the connection and never raises."""
        self._task = asyncio.ensure_future(self._serve())
        return self._task

    def last_word(self, _reply: str) -> None:
        """End it: HTTP has no words for that."""
        self.give_way()

    def give_way(self) -> None:
        """End it at once."""
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Give the socket back, also where its task was ended before it began."""
        self._link.close()

    async def _serve(self) -> None:
        try:
            async with asyncio.timeout(self._shared.deadline):
                reader, self._writer = await self._open()
                await self._answer(reader, self._writer)
        except (TimeoutError, OSError, ssl.SSLError, _Gone, asyncio.CancelledError):
            pass  # a stranger's connection that came to nothing is no news
        except Exception as error:  # no request may end the service
            _log.error("a request could not be answered: %s", describe(error))
        finally:
            if self._writer is not None:
                self._writer.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_PIECE, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        context = self._shared.tls if self._encrypted else None
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            self._link,
            ssl=context,
            ssl_handshake_timeout=self._shared.deadline if self._encrypted else None,
            ssl_shutdown_timeout=_LINGER if self._encrypted else None,
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        now, head, unread = self._shared.clock(), None, True
        try:
            head, rest = await _head(reader)
            if "100-continue" in (one.lower() for one in head.values("expect")):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body, unread = await _body(reader, head, rest)
            response = self._shared.routes.answer(Asked(head, body, self._encrypted, now))
        except BadHead as error:
            response = plain(error.status)
        except BadBody:
            response = plain(400)
        writer.write(response.written(now, bodiless=head is not None and head.method == "HEAD"))
        await writer.drain()
        if unread:
            await _linger(reader, writer)
        writer.close()
        await writer.wait_closed()


async def _head(reader: asyncio.StreamReader) -> tuple[RequestHead, bytes]:
    buffer, seen = bytearray(), 0
    while (head := cut_head(buffer, seen)) is None:
        seen = len(buffer)
        buffer += await _more(reader)
    return request_head(head), bytes(buffer)


async def _body(reader: asyncio.StreamReader, head: RequestHead, rest: bytes) -> tuple[bytes, bool]:
    """Give the body, and whether something follows it."""
    body, found = request_body(head), bytearray()
    while True:
        found += body.feed(rest)
        if len(found) > _BODY_MAX or (body.length or 0) > _BODY_MAX:
            raise BadHead("the body is too long", 413)
        if body.done:
            return bytes(found), bool(body.rest)
        rest = await _more(reader)


async def _more(reader: asyncio.StreamReader) -> bytes:
    piece = await reader.read(_PIECE)
    if not piece:
        raise _Gone
    return piece


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take what still comes, up to a bound: who closes on unread bytes may lose the answer that he has sent."""
    if writer.can_write_eof():
        writer.write_eof()
    left = 16 * _BODY_MAX
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            while left > 0 and (piece := await reader.read(_PIECE)):
                left -= len(piece)
