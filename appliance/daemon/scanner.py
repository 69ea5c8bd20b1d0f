"""Talking to a scanner of mail: reaching it, and what clamd says to a stream of bytes (clamd(8), PING and INSTREAM).

May live here: that, and whether a scanner will do. May not: filters' packets, messages, what an answer means for mail.
Blocking.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

_CHUNK: Final = 64 * 1024
_LONGEST: Final = 1000
_MIB: Final = 2**20
_SPARE: Final = 64 * 1024  # for what stands above a message by then


class Place(Protocol):
    """A host and a port."""

    @property
    def host(self) -> str: ...  # noqa: D102 - see above

    @property
    def port(self) -> int: ...  # noqa: D102 - see above


def connect(where: Path | Place, patience: float) -> socket.socket:
    """Open a connection whose steps may take ``patience`` seconds each. Raise ``OSError``."""
    if not isinstance(where, Path):
        return socket.create_connection((where.host, where.port), patience)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(patience)
        connection.connect(str(where))
    except BaseException:
        connection.close()
        raise
    return connection


def streamed(connection: socket.socket, chunks: Iterable[bytes]) -> bytes:
    """Give clamd's answer to a message, such as ``stream: OK``. Raise ``OSError``."""
    connection.sendall(b"zINSTREAM\0")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has said something and reads no more
        for chunk in chunks:
            connection.sendall(struct.pack("!I", len(chunk)) + chunk)
        connection.sendall(struct.pack("!I", 0))
    return _answer(connection)


def too_large(answer: bytes) -> bool:
    """Say whether clamd took no more of the bytes, because of its StreamMaxLength."""
    return b"size limit" in answer


def clamd_problem(where: Path | Place, size: int, patience: float) -> str | None:
    """Say what keeps clamd from looking through a message of ``size`` bytes; 0 asks only whether it is there."""
    try:
        with contextlib.closing(connect(where, patience)) as connection:
            if not size:
                connection.sendall(b"zPING\0")
                answer = _answer(connection)
                return None if answer == b"PONG" else "clamd gives no answer that fits"
            answer = streamed(connection, _nothing(size + _SPARE))
    except OSError as problem:
        return f"clamd {_cause(problem)}"
    if too_large(answer):
        needed = (size + _SPARE) // _MIB + 1
        return (
            f"clamd takes no message of {size / 10**6:.1f} MB, the school's largest: "
            f"StreamMaxLength {needed}M in clamd.conf, and restart clamav-daemon"
        )
    return None if answer == b"stream: OK" else "clamd cannot look through what it is given"


def filter_problem(where: Path | Place, patience: float) -> str | None:
    """Say what keeps a mail filter from being reached."""
    try:
        connect(where, patience).close()
    except OSError as problem:
        return f"the milter {_cause(problem)}"
    return None


def _cause(problem: OSError) -> str:
    if isinstance(problem, TimeoutError):
        return "gives no answer in time"
    return f"cannot be reached ({os.strerror(problem.errno) if problem.errno else problem})"


def _answer(connection: socket.socket) -> bytes:
    answer = bytearray()
    while not answer.endswith(b"\0") and len(answer) < _LONGEST:
        more = connection.recv(_LONGEST)
        if not more:
            break
        answer += more
    return bytes(answer).rstrip(b"\0\n")


def _nothing(size: int) -> Iterable[bytes]:
    whole, rest = divmod(size, _CHUNK)
    yield from (bytes(_CHUNK) for _ in range(whole))
    if rest:
        yield bytes(rest)
