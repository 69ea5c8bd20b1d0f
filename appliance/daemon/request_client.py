"""Asking another daemon over its local socket: a blocking client for threads and tools, an asyncio one for services.

Both keep one connection and open a new one when it broke. A request whose reply did not come is reported as
:class:`Unreachable` and never sent twice: it may have been done.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import select
import socket
import threading
import time
from pathlib import Path
from typing import Any

from appliance.daemon.wire import Lines, Refusal, Reply, Request, WireError

REPLY_LIMIT = 4 * 1024 * 1024


class Unreachable(Exception):
    """No answer: nobody listens, the connection broke, the time is over. Temporary: the caller says TRY LATER."""


class RequestRefused(Exception):
    """The other side answered that it will not or could not do it; ``kind`` is for programs, ``text`` for people."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


def _readable(descriptor: int) -> bool:
    poll = select.poll()  # select.select ends at descriptor 1023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _outcome(reply: Reply) -> dict[str, Any]:
    if isinstance(reply.outcome, Refusal):
        raise RequestRefused(reply.outcome.kind, reply.outcome.text)
    return dict(reply.outcome)


class BlockingClient:
    """Asks the server on the Unix socket ``path``, a call within ``timeout`` seconds, one at a time (thread-safe)."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def call(self, verb: str, /, **arguments: Any) -> dict[str, Any]:
        """Return the result of ``verb``. Raise :class:`Unreachable` or :class:`RequestRefused`."""
        with self._lock:
            deadline = time.monotonic() + self._timeout
            request = Request(next(self._ids), verb, arguments)
            line = request.encode()
            try:
                connection = self._connected()
                reply = _exchange(connection, line, request.id, deadline)
            except (OSError, WireError) as error:
                self._drop()
                raise Unreachable(f"no answer to {verb} from {self._path}: {error or type(error).__name__}") from error
            except BaseException:
                self._drop()
                raise
        return _outcome(reply)

    def close(self) -> None:
        """Give back the connection; a later call opens a new one."""
        with self._lock:
            self._drop()

    def _connected(self) -> socket.socket:
        if self._socket is not None and _readable(self._socket.fileno()):
            self._drop()  # nothing was asked, so what is readable can only be the end of the connection
        if self._socket is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(self._timeout)
                connection.connect(str(self._path))
            except BaseException:
                connection.close()
                raise
            self._socket = connection
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _exchange(connection: socket.socket, line: bytes, number: int, deadline: float) -> Reply:
    connection.settimeout(_left(deadline))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a refusal may have been sent before the end
        connection.sendall(line)
    lines = Lines(REPLY_LIMIT)
    while True:
        connection.settimeout(_left(deadline))
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("the connection ended before the reply")
        for answer in lines.feed(data):
            if answer is None:
                raise WireError("the reply is too long")
            reply = Reply.decode(answer)
            if reply.id in (number, None):
                return reply


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


class AsyncClient:
    """Asks the server on the Unix socket ``path``, a call within ``timeout`` seconds, any number at the same time."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._connecting = asyncio.Lock()
        self._line: _Line | None = None

    async def call(self, verb: str, /, **arguments: Any) -> dict[str, Any]:
        """Return the result of ``verb``. Raise :class:`Unreachable` or :class:`RequestRefused`."""
        request = Request(next(self._ids), verb, arguments)
        data = request.encode()
        try:
            async with asyncio.timeout(self._timeout):
                async with self._connecting:
                    if self._line is None or self._line.ended:
                        self._line = await _Line.open(self._path)
                    line = self._line
                reply = await line.ask(request.id, data)
        except (OSError, WireError) as error:  # TimeoutError is one of the first
            raise Unreachable(f"no answer to {verb} from {self._path}: {error or type(error).__name__}") from error
        return _outcome(reply)

    async def close(self) -> None:
        """Give back the connection; a later call opens a new one."""
        if self._line is not None:
            await self._line.close()
            self._line = None


class _Line:
    """One open connection: replies find the waiting callers by id."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, path: Path) -> _Line:
        return cls(*await asyncio.open_unix_connection(str(path)))

    @property
    def ended(self) -> bool:
        """Whether nothing more should be asked here, even if the loop had no time yet to notice the end."""
        if self._task.done() or self._reader.at_eof():
            return True
        return not self._waiting and _readable(self._writer.get_extra_info("socket").fileno())

    async def ask(self, number: int, data: bytes) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._writer.write(data)
            with contextlib.suppress(ConnectionError):  # the reading side reports the end, and a refusal before it
                await self._writer.drain()
            return await future
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _read(self) -> None:
        end: Exception = ConnectionError("the connection ended before the reply")
        lines = Lines(REPLY_LIMIT)
        try:
            while data := await self._reader.read(65536):
                for answer in lines.feed(data):
                    if answer is None:
                        raise WireError("the reply is too long")
                    self._deliver(Reply.decode(answer))
        except (OSError, WireError) as error:
            end = error
        finally:
            self._writer.close()
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(end)

    def _deliver(self, reply: Reply) -> None:
        numbers = list(self._waiting) if reply.id is None else [reply.id]
        for number in numbers:
            future = self._waiting.get(number)
            if future is not None and not future.done():
                future.set_result(reply)
