"""Looking through a message before it is accepted: ClamAV and a mail filter, where the settings name them.

May live here: whom to ask, what an absent scanner means. May not: packets of filters (``milter``) and of clamd
(``daemon.scanner``), replies, the disk beyond reading the draft. What cannot be looked through is not accepted now, and
nothing is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from appliance.daemon.scanner import connect, streamed, too_large
from appliance.mail.head import HEAD_LIMIT, Field, Malformed, end_of_head, read_fields
from appliance.mail.outside.milter import BrokenFilter, Conversation, Scanned, Verdict
from appliance.settings.mail_outside import OutsideMail

__all__ = ["Scanned", "Scanners", "Verdict"]

_log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds for one step with a scanner."""
LIMIT: Final = 240.0
"""Seconds for all of it: whoever hands in a message waits for ten minutes at the most (RFC 5321 4.5.3.2.6)."""
_AT_ONCE = 4
_CHUNK = 64 * 1024


class Scanners:
    """The scanners of ``settings``, for the school's ``domain``; a few messages are looked through at once."""

    def __init__(self, settings: OutsideMail, domain: str) -> None:
        self._settings = settings
        self._domain = domain
        self._threads = ThreadPoolExecutor(_AT_ONCE, "scan")

    def wanted(self, from_outside: bool) -> bool:
        """Say whether a message is to be looked through."""
        there = self._settings.clamd is not None or self._settings.milter is not None
        return there and (from_outside or self._settings.scan_all)

    async def scan(self, descriptor: int, offset: int, size: int, about: Scanned) -> Verdict:
        """Look through the ``size`` bytes of a message that lie in an open file from ``offset`` on."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._scan, _Part(descriptor, offset, size), about)

    def close(self) -> None:
        """Begin no more."""
        self._threads.shutdown(wait=False)

    def _scan(self, part: _Part, about: Scanned) -> Verdict:
        verdict = Verdict.CLEAN
        for name, scanner in (("clamd", self._settings.clamd), ("the milter", self._settings.milter)):
            if scanner is None or verdict is not Verdict.CLEAN:
                continue
            try:
                with contextlib.closing(connect(scanner, PATIENCE)) as connection:
                    if name == "clamd":
                        verdict = _stream(connection, part)
                    else:
                        fields, body = part.parts()
                        verdict = Conversation(connection, LIMIT).verdict(self._domain, about, fields, body)
            except (OSError, BrokenFilter, Malformed) as problem:
                cause = os.strerror(problem.errno) if isinstance(problem, OSError) and problem.errno else problem
                _log.error("message %s waits: %s does not look through it: %s", about.identity, name, cause)
                verdict = Verdict.AWAY
            if verdict is Verdict.FOUND:
                _log.warning("message %s is refused by %s", about.identity, name)
        return verdict


class _Part:
    """A part of an open file, read without moving its position."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._end = offset + size

    def chunks(self, start: int = 0) -> Iterator[bytes]:
        at = self._offset + start
        while at < self._end:
            chunk = os.pread(self._descriptor, min(_CHUNK, self._end - at), at)
            if not chunk:
                raise OSError("the message is shorter than it was")
            yield chunk
            at += len(chunk)

    def parts(self) -> tuple[tuple[Field, ...], Iterator[bytes]]:
        start = os.pread(self._descriptor, min(2 * HEAD_LIMIT, self._end - self._offset), self._offset)
        end = end_of_head(start)
        return read_fields(start[:end]), self.chunks(len(start) if end is None else end)


def _stream(connection: socket.socket, part: _Part) -> Verdict:
    """Give the message to clamd."""
    said = streamed(connection, part.chunks())
    if said == b"stream: OK":
        return Verdict.CLEAN
    if said.endswith(b" FOUND"):
        return Verdict.FOUND
    raise BrokenFilter("it takes no message of this size" if too_large(said) else "it cannot scan this")
