"""Asking a running server over its control socket; what the command line uses.

May live here: HTTP on a Unix socket, from the standard library only (a command starts in a moment). May not: any verb.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_LINE_LIMIT = 64 * 1024 * 1024
"""Longest line of an answer, in bytes: the sealed passwords of a large import are one line."""

Progress = Callable[[int, int, str], None]


class ServerUnreachable(Exception):
    """No server, or no answer: nobody listens on the socket, it may not be opened, it broke off, it went silent."""


class ServerRefused(Exception):
    """The server answered no. ``kind`` is for programs (``unknown-account``), ``text`` for the carer."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


class ControlClient:
    """Asks the server whose control socket is at ``path``.

    ``timeout`` is the silence in seconds after which the server counts as unreachable: while it works it says
    something every few seconds, so a long import needs no longer time.
    """

    def __init__(self, path: Path, timeout: float = 30.0) -> None:
        self._path = path
        self._timeout = timeout

    def call(
        self, verb: str, arguments: Mapping[str, Any] | None = None, on_progress: Progress | None = None
    ) -> dict[str, Any]:
        """Give the result of ``verb``; ``on_progress(done, total, text)`` is called for each step reported meanwhile.

        Raises :class:`ServerRefused` and :class:`ServerUnreachable`. A request is never sent twice.
        """
        body = json.dumps(dict(arguments or {})).encode()
        connection = _Connection(self._path, self._timeout)
        try:
            headers = {"Content-Type": "application/json"}
            # A body that is refused half-way ends in a broken pipe; the refusal itself is there to be read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", f"/v1/{verb}", body, headers)
            return _outcome(connection.getresponse(), on_progress)
        except TimeoutError as problem:
            raise ServerUnreachable(f"the server at {self._path} says nothing for {self._timeout:g} s") from problem
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise ServerUnreachable(f"no answer from {self._path}: {problem or type(problem).__name__}") from problem
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _outcome(response: http.client.HTTPResponse, on_progress: Progress | None) -> dict[str, Any]:
    while line := response.readline(_LINE_LIMIT):
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ValueError("the answer is not what this version understands")
        if "progress" in answer:
            if on_progress is not None:
                step = answer["progress"]
                on_progress(step["done"], step["total"], step["text"])
        elif "error" in answer:
            raise ServerRefused(answer["error"]["kind"], answer["error"]["text"])
        elif "result" in answer:
            return dict(answer["result"])
    raise ConnectionError("the server broke off before the end of its answer")
