"""An answer over HTTP as bytes (RFC 9110, RFC 9112). Pure.

Each answer is the last of its connection: nothing is kept that a second request could meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final

_ALWAYS: Final = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Response:
    """``status``, ``kind`` (Content-Type) and ``body``; ``more``: further fields, in ASCII and without line ends."""

    status: int
    kind: str = "text/plain; charset=utf-8"
    body: bytes = b""
    more: Mapping[str, str] = field(default_factory=dict)

    def written(self, now: datetime, *, bodiless: bool = False) -> bytes:
        """Return it whole; ``bodiless``: for HEAD; ``now`` is in UTC."""
        fields = {
            "Date": format_datetime(now, usegmt=True),
            "Content-Type": self.kind,
            "Content-Length": str(len(self.body)),
            **_ALWAYS,
            **self.more,
        }
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, "", ""]).encode("ascii") + (b"" if bodiless else self.body)


def plain(status: int, **more: str) -> Response:
    """Return an answer that says no more than its ``status``."""
    return Response(status, body=f"{HTTPStatus(status).phrase}\n".encode(), more=more)
