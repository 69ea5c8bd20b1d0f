"""What becomes of a head that was judged: our lines above, the roster's names in it, foreign evidence gone (K09, K35).

May live here: the lines we add and replace. May not: whether a head is allowed (``addresses``), which lines are left
out (``claims``), the clock, the disk. All other lines are stored byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from appliance.mail.addresses import SENDERS, mailboxes, plain
from appliance.mail.claims import RECEIPTS, is_claim
from appliance.mail.head import Field, Malformed

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
    secured: bool = True
    signed_in: bool = True


def lines_above(trace: Trace, fields: Sequence[Field]) -> bytes:
    """Give the lines to put above the head: Return-Path, Received, and Date and Message-ID where there are none."""
    names = {field.name for field in fields}
    date = format_datetime(trace.at)
    protocol = ("UTF8SMTP" if trace.smtputf8 else "ESMTP") + "S" * trace.secured + "A" * trace.signed_in  # RFC 3848
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


def stored_head(fields: Sequence[Field], names: Mapping[str, str], author: str | None) -> bytes:
    """Give the head to store, with its empty line; every sender in it gets the shown name that ``names`` has for him.

    ``names`` by address in lower case, as it is stored; with an empty one only the address is left. ``author`` is the
    address of who really writes: where From is another one, of a group, Sender says so (RFC 5322 3.6.2); ``None``: that
    is nobody. A receipt stays when it goes to nobody but those in ``names``. ``fields`` were found to be right by
    ``sender_problem``.
    """
    names = {address: "".join(filter(str.isprintable, name)).strip() for address, name in names.items()}
    writers = [mailbox for field in fields if field.name == "from" for mailbox in mailboxes(field.value)]
    kept = _kept(fields, names)
    if author is None or all(plain(mailbox.address) == author for mailbox in writers):
        head = [_line(field, names) for field in kept]
    else:
        head = [_line(field, names) for field in kept if field.name != "sender"]
        head.append(f"Sender: {_mailbox('Sender', names.get(author, ''), author)}\r\n".encode("ascii"))
    return b"".join(head) + b"\r\n"


def _kept(fields: Sequence[Field], names: Mapping[str, str]) -> Iterator[Field]:
    """Give the fields that stay; of several receipts of one kind the first alone is looked at."""
    asked: set[str] = set()
    for field in fields:
        if field.name in RECEIPTS:
            if field.name not in asked and _is_own(field, names):
                yield field
            asked.add(field.name)
        elif not is_claim(field.name):
            yield field


def _is_own(receipt: Field, names: Mapping[str, str]) -> bool:
    try:
        return all(plain(mailbox.address) in names for mailbox in mailboxes(receipt.value))
    except Malformed:
        return False


def _line(field: Field, names: Mapping[str, str]) -> bytes:
    if field.name not in SENDERS and field.name not in RECEIPTS:
        return field.raw + b"\r\n"
    label = field.raw.partition(b":")[0].decode("ascii")
    addresses = [plain(each.address) or "" for each in mailboxes(field.value)]  # no dot at the end: others stumble
    senders = (_mailbox(label, names.get(address, ""), address) for address in addresses)
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
