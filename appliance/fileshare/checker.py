"""Asking the password service from pyftpdlib's loop, without waiting for it.

May live here: one local connection and the questions that wait on it. May not: a reply of FTP. When the service does
not answer, a sign-in is TRY_LATER: a temporary failure is not a refusal. A question is never sent twice.
"""

from __future__ import annotations

import itertools
import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyftpdlib.ioloop import AsyncChat

from appliance.auth.client import Answer, Verdict, question
from appliance.daemon.loop import Cancel
from appliance.daemon.secret import Secret
from appliance.daemon.wire import Reply, Request, WireError
from appliance.fileshare.loop import FtpLoop
from appliance.policy.account import Service

_log = logging.getLogger(__name__)
_PATIENCE = 15.0
_LONGEST_REPLY = 64 * 1024

Heard = Callable[[Verdict], None]


class Checker:
    """Asks the service on the Unix socket ``path``, any number of questions at once, each for ``timeout`` seconds."""

    def __init__(self, path: Path, loop: FtpLoop, timeout: float = _PATIENCE) -> None:
        self._path = str(path)
        self._loop = loop
        self._timeout = timeout
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[str, Heard, Cancel]] = {}
        self._line: _Line | None = None

    def ask(self, service: Service, login: str, password: Secret, address: str | None, heard: Heard) -> None:
        """Have a sign-in of ``login`` from the IP ``address`` checked; ``heard(verdict)`` is called once, later."""
        number = next(self._numbers)
        cancel = self._loop.call_later(self._timeout, lambda: self._give_up(number))
        self._waiting[number] = (login, heard, cancel)
        try:
            line = Request(number, "verify", question(service, login, password, address)).encode()
            self._open().push(line)
        except (OSError, ValueError):
            self._loop.call_later(0, lambda: self._give_up(number))

    def _open(self) -> _Line:
        if self._line is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.setblocking(False)
                connection.connect(self._path)
            except BaseException:
                connection.close()
                raise
            self._line = _Line(connection, self._loop.ioloop, self._answered, self._lost)
        return self._line

    def _answered(self, reply: Reply) -> None:
        if reply.id not in self._waiting:
            return  # it came too late
        verdict = Verdict(Answer.TRY_LATER, self._waiting[reply.id][0])
        try:
            if isinstance(reply.outcome, Mapping):
                verdict = Verdict.read(reply.outcome)
        except (ValueError, KeyError, TypeError):
            _log.error("the password service gives an answer that cannot be read")
        self._tell(reply.id, verdict)

    def _lost(self) -> None:
        self._line = None
        for number in list(self._waiting):
            self._give_up(number)

    def _give_up(self, number: int) -> None:
        if number in self._waiting:
            self._tell(number, Verdict(Answer.TRY_LATER, self._waiting[number][0]))

    def _tell(self, number: int, verdict: Verdict) -> None:
        _login, heard, cancel = self._waiting.pop(number)
        cancel()
        self._loop.call_later(0, lambda: heard(verdict))  # so that an error there is not one of our connection


class _Line(AsyncChat):
    """The connection: whole lines become replies."""

    def __init__(
        self, connection: socket.socket, ioloop: Any, answered: Callable[[Reply], None], lost: Callable[[], None]
    ) -> None:
        super().__init__(connection, ioloop=ioloop)
        self.set_terminator(b"\n")
        self._rest = bytearray()
        self._answered = answered
        self._lost = lost

    def collect_incoming_data(self, data: bytes) -> None:
        """Take a piece of a line."""
        self._rest += data
        if len(self._rest) > _LONGEST_REPLY:
            self.handle_close()

    def found_terminator(self) -> None:
        """Take the end of a line."""
        line = bytes(self._rest)
        self._rest.clear()
        try:
            reply = Reply.decode(line)
        except WireError:
            self.handle_close()
        else:
            self._answered(reply)

    def handle_close(self) -> None:
        """End: who waits is told to try later."""
        if not self._closed:
            self.close()
            self._lost()

    def handle_error(self) -> None:
        """End, whatever happened."""
        _log.exception("the connection to the password service failed")
        self.handle_close()
