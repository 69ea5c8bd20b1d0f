"""Lines of JSON between the receiver, which is nobody, and the committer, which is root: one request, its answer.

May live here: the line's form and bounds, and who is at the other end (``SO_PEERCRED``). May not: what is asked.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

LONGEST = 4 * 1024 * 1024
"""Bytes of a request: a list of deleted accounts is the longest."""


class Out(Protocol):
    """What lines are written to."""

    def write(self, data: bytes, /) -> object:
        """Take ``data``."""

    def flush(self) -> object:
        """Let it go."""


def asked(path: Path, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Ask the committer behind the socket ``path``; its lines as they come. Raises OSError, ValueError."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.sendall(encoded(request))
        line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as file:
            while said := file.readline(LONGEST):
                yield decoded(said)


def encoded(said: Mapping[str, Any]) -> bytes:
    """One line."""
    return json.dumps(said).encode("ascii") + b"\n"


def decoded(line: bytes) -> dict[str, Any]:
    """What a line says; raises ValueError."""
    try:
        found = json.loads(line.decode("ascii")) if line.endswith(b"\n") else None
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("a line that is no JSON object, or is too long")
    return found


def peer(connection: socket.socket) -> int:
    """The uid at the other end of a local connection."""
    _, uid, _ = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)


class Talk:
    """Says lines to whoever asked; that he has gone is no reason to stop half way."""

    def __init__(self, out: Out) -> None:
        self._out = out

    def say(self, said: Mapping[str, Any]) -> None:
        """Say one line now."""
        self.send(encoded(said))

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._out.write(data)
            self._out.flush()
