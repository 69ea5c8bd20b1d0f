"""Whose address it is, and what a message says of its sender (K09). Pure: text in, answers out.

May live here: reading addresses of envelope and head, and comparing them with the account's own. May not: accounts,
snapshots (``recipients``), replies. What cannot be read in one way only is malformed, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from appliance.mail.head import Field, Malformed, as_text
from appliance.policy.decision import Reason

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}\Z")
_ADDRESS_INSIDE = re.compile(r"[^\s<>\"'(),;:@\[\]]+@[^\s<>\"'(),;:@\[\]]+")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>"]*>|[,;:@]|[^"<>,;:@]+|.', re.DOTALL)
_AT_MOST_ONE = ("from", "sender", "reply-to")
_LONGEST = 2000

SENDERS = frozenset({"from", "sender", "reply-to", "resent-from", "resent-sender", "resent-reply-to"})


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address of a head: ``name`` as shown (decoded, may be empty) and ``address`` as written."""

    name: str
    address: str


def split(address: str) -> tuple[str, str] | None:
    """Give (local part, domain) of ``address`` in lower case; ``None`` when it is no plain ASCII address.

    Lower case is taken of ASCII only: a letter that merely looks the same never becomes the same.
    """
    if not _ADDRESS.match(address):
        return None
    local, _, domain = address.lower().rpartition("@")
    return local, domain.removesuffix(".")


def is_own(address: str, own: str) -> bool:
    """Say whether ``address`` is ``own`` (``login@domain``, lower case), in whatever case it is written."""
    parts = split(address)
    return parts is not None and "@".join(parts) == own


def sender_problem(fields: Iterable[Field], own: str) -> Reason | None:
    """Say what is wrong with the senders that a head names; ``None``: all of them are ``own``.

    There must be exactly one From with one mailbox. From, Sender, Reply-To and their Resent- forms may name nobody
    else, neither as the address nor inside the shown name.
    """
    fields = tuple(fields)
    names = [field.name for field in fields]
    if names.count("from") != 1 or any(names.count(name) > 1 for name in _AT_MOST_ONE):
        return Reason.MALFORMED
    try:
        read = [(field.name, mailboxes(field.value)) for field in fields if field.name in SENDERS]
    except Malformed:
        return Reason.MALFORMED
    if any(len(found) != 1 for name, found in read if name in {"from", "sender"}):
        return Reason.MALFORMED
    if all(_shows_only(own, mailbox) for _, found in read for mailbox in found):
        return None
    return Reason.FOREIGN_SENDER


def mailboxes(value: bytes) -> tuple[Mailbox, ...]:
    """Read a list of mailboxes, ``name <address>`` or ``address`` (RFC 5322 3.4 without groups, routes and comments).

    Raise :class:`appliance.mail.head.Malformed` for anything else, and for more than a person's head ever has: what
    looks into a name takes a time that grows with the square of its length.
    """
    if len(value) > _LONGEST:
        raise Malformed("a list of senders of any length")
    text = as_text(value)
    found: list[Mailbox] = []
    part: list[str] = []
    for piece in [*_TOKEN.findall(text), ","]:
        if piece == ",":
            found.append(_mailbox(part))
            part = []
        else:
            part.append(piece)
    return tuple(found)


def _mailbox(tokens: list[str]) -> Mailbox:
    if tokens and not tokens[-1].strip():
        tokens = tokens[:-1]
    if tokens and tokens[-1].startswith("<"):
        name = tokens[:-1]
        if any(token in {";", ":", "@"} or token.startswith("<") or token in {'"', ">"} for token in name):
            raise Malformed("a name with unquoted specials")
        if any("(" in token for token in name if not token.startswith('"')):
            raise Malformed("a comment")
        address = tokens[-1][1:-1].strip()
        shown = _decoded("".join(_unquoted(token) for token in name).strip())
    else:
        address, shown = "".join(tokens).strip(), ""
    if split(address) is None:
        raise Malformed("no plain address")
    return Mailbox(shown, address)


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') and len(token) > 1 else token


def _decoded(name: str) -> str:
    """Decode the encoded words of a name (RFC 2047), also quoted ones: some programs show those decoded."""
    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError) as error:
        raise Malformed("an encoded word that cannot be read") from error


def _shows_only(own: str, mailbox: Mailbox) -> bool:
    """Whether the mailbox and every address inside its name are ``own``."""
    name = unicodedata.normalize("NFKC", mailbox.name)
    return is_own(mailbox.address, own) and all(is_own(inside, own) for inside in _ADDRESS_INSIDE.findall(name))
