"""What becomes of a head that was judged: our lines above, the roster's names in it, foreign evidence gone (K09, K35).

May live here: the lines we add, replace and leave out. May not: whether a head is allowed (``addresses``), the clock,
the disk. What is not named here is stored byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from appliance.mail.addresses import SENDERS, mailboxes
from appliance.mail.head import Field

# Ours to say, as they tell where a message came from; and Bcc, which the other recipients must not see.
_DROPPED = frozenset(
    {
        "authentication-results",
        "bcc",
        "delivered-to",
        "received",
        "received-spf",
        "resent-bcc",
        "return-path",
        "x-original-to",
        "x-sender",
    }
)
_ATOMS = re.compile(r"[A-Za-z0-9' -]+\Z")
_WIDTH = 78
_FOLD = "\r\n "


@dataclass(frozen=True, slots=True)
class Trace:
    """What we know of how a message came; ``identity`` is our own id of it, the only one that a journal shows.

    Neither the address nor the name of the PC is here: a mail tells where its sender sat to nobody.
    """

    identity: str
    sender: str
    domain: str
    at: datetime
    smtputf8: bool = False


def lines_above(trace: Trace, fields: Sequence[Field]) -> bytes:
    """Give the lines to put above the head: Return-Path, Received, and Date and Message-ID where there are none."""
    names = {field.name for field in fields}
    date = format_datetime(trace.at)
    protocol = "UTF8SMTPSA" if trace.smtputf8 else "ESMTPSA"
    lines = [
        f"Return-Path: <{trace.sender}>",
        f"Received: by {trace.domain} with {protocol} id {trace.identity};",
        f"\t{date}",
    ]
    if "date" not in names:
        lines.append(f"Date: {date}")
    if "message-id" not in names:
        lines.append(f"Message-ID: <{trace.identity}@{trace.domain}>")
    return "".join(f"{line}\r\n" for line in lines).encode()


def stored_head(fields: Iterable[Field], name: str) -> bytes:
    """Give the head to store, with its empty line; the shown name of every sender in it becomes ``name``.

    With an empty ``name`` only the address is left. ``fields`` were found to be right by ``sender_problem``.
    """
    name = "".join(character for character in name if character.isprintable()).strip()
    return b"".join(_line(field, name) for field in fields if field.name not in _DROPPED) + b"\r\n"


def _line(field: Field, name: str) -> bytes:
    if field.name not in SENDERS:
        return field.raw + b"\r\n"
    label = field.raw.partition(b":")[0].decode("ascii")
    senders = (_mailbox(label, name, mailbox.address) for mailbox in mailboxes(field.value))
    return f"{label}: {f',{_FOLD}'.join(senders)}\r\n".encode("ascii")


def _mailbox(label: str, name: str, address: str) -> str:
    """Write a mailbox (RFC 5322 3.4), its name as encoded words where needed (RFC 2047), folded where too wide."""
    if not name:
        return address
    if _ATOMS.match(name):
        shown = name
    elif name.isascii():
        shown = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    else:
        shown = Header(name, "utf-8", header_name=label).encode(linesep="\r\n")
    width = len(label) + len(": ") + len(shown.rpartition("\n")[2]) + len(f" <{address}>")
    return f"{shown}{' ' if width <= _WIDTH else _FOLD}<{address}>"
