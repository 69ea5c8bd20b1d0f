"""The first line of a file in the spool: from whom, to whom, when and what is asked to be told. Pure.

May live here: that line, written and read. May not: files (``spool``), what is sent when (``attempts``). The message
follows behind the line, byte for byte as it goes out but for a Return-Path at its head.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from appliance.mail.envelope import Asked
from appliance.mail.party import OutsideRecipient

LONGEST = 4 * 1024 * 1024
"""Bytes that the line has at the most."""


class Damaged(Exception):
    """The line is not one of ours; the text quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A message that waits, called ``identity``, handed in by ``login`` as ``sender`` (an address of the school).

    ``arrived`` is aware. ``ret`` (FULL, HDRS) and ``envid`` as in RFC 3461; ``smtputf8``: whether its sender's program
    asked for RFC 6531.
    """

    identity: str
    login: str
    sender: str
    recipients: tuple[OutsideRecipient, ...]
    arrived: datetime
    ret: str | None = None
    envid: str | None = None
    smtputf8: bool = False


def line(queued: Queued) -> bytes:
    """Give the line, with its end (LF)."""
    to = [[one.address, sorted(one.asked.notify), one.asked.orcpt] for one in queued.recipients]
    values = {
        "id": queued.identity,
        "login": queued.login,
        "from": queued.sender,
        "to": to,
        "at": queued.arrived.astimezone(UTC).isoformat(),
        "ret": queued.ret,
        "envid": queued.envid,
        "utf8": queued.smtputf8,
    }
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def read_line(written: bytes) -> Queued:
    """Read what :func:`line` wrote. Raise :class:`Damaged`."""
    try:
        found: dict[str, Any] = json.loads(written)
        queued = Queued(
            identity=found["id"],
            login=found["login"],
            sender=found["from"],
            recipients=tuple(
                OutsideRecipient(address, Asked(frozenset(notify), orcpt)) for address, notify, orcpt in found["to"]
            ),
            arrived=datetime.fromisoformat(found["at"]),
            ret=found["ret"],
            envid=found["envid"],
            smtputf8=found["utf8"],
        )
    except (ValueError, TypeError, KeyError, RecursionError) as problem:
        raise Damaged("not a line of the spool") from problem
    if queued.arrived.tzinfo is None or not queued.recipients:
        raise Damaged("not a line of the spool")
    return queued
