"""Whose address it is, and what a message says of its sender (K09). Pure: text in, answers out.

May live here: reading addresses of envelope and head, and comparing them with one's own. May not: accounts,
snapshots (``policy.reach``), replies. What cannot be read in one way only is malformed, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache

from appliance.mail.head import Field, Malformed, as_text
from appliance.mail.wrong import Wrong
from appliance.policy.decision import Reason
from appliance.policy.mail_address import split

_BETWEEN = re.compile(r"[\s<>\"'(),;:\[\]]+")
_ADDRESS_LIKE = re.compile(r"[^@]@[^@]")
# An open quote goes on to the end: to look for its partner again behind each one costs the square of their number.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?P<end>"|\\?\Z)|<[^<>"]*>|[,;:@]|[^"<>,;:@]+|.', re.DOTALL)
_AT_MOST_ONE = ("from", "sender", "reply-to")
_LONGEST, _LONGEST_TOGETHER = 2000, 4000
_MOST_SENDERS = 20

SENDERS = frozenset({"from", "sender", "reply-to", "resent-from", "resent-sender", "resent-reply-to"})


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address of a head: ``name`` as shown (decoded, may be empty) and ``address`` as written."""

    name: str
    address: str


def plain(address: str) -> str | None:
    """Give ``address`` as it is compared, in lower case; ``None`` when it is no plain ASCII address."""
    parts = split(address)
    return None if parts is None else "@".join(parts)


def sender_problem(fields: Iterable[Field], own: Collection[str]) -> Reason | None:
    """Say what is wrong with the senders that a head names; ``None``: each of them is one of ``own`` (in lower case).

    There must be exactly one From with one mailbox. From, Sender, Reply-To and their Resent- forms may name nobody
    else, neither as the address nor inside the shown name.
    """
    fields = tuple(fields)
    if wrong_senders(fields) is not None:
        return Reason.MALFORMED
    read = (mailbox for field in fields if field.name in SENDERS for mailbox in mailboxes(field.value))
    return None if all(_shows_only(own, mailbox) for mailbox in read) else Reason.FOREIGN_SENDER


def wrong_senders(fields: Iterable[Field]) -> Wrong | None:
    """Say why it cannot be read in one way only whom a head names as its senders, whoever they are."""
    fields = tuple(fields)
    names = [field.name for field in fields]
    if "from" not in names:
        return Wrong.NO_FROM
    if any(names.count(name) > 1 for name in _AT_MOST_ONE):
        return Wrong.TWICE
    senders = [field for field in fields if field.name in SENDERS]
    if len(senders) > _MOST_SENDERS or sum(len(field.value) for field in senders) > _LONGEST_TOGETHER:
        return Wrong.MUCH
    try:
        read = [(field.name, mailboxes(field.value)) for field in senders]
    except Malformed as error:
        return error.wrong
    several = any(len(found) != 1 for name, found in read if name in {"from", "sender"})
    return Wrong.SENDER if several else None


@lru_cache(maxsize=256)
def mailboxes(value: bytes) -> tuple[Mailbox, ...]:
    """Read a list of mailboxes, ``name <address>`` or ``address`` (RFC 5322 3.4 without groups, routes and comments).

    Raise :class:`appliance.mail.head.Malformed` for anything else, and for more than a person's head ever has.
    """
    if len(value) > _LONGEST:
        raise Malformed("a list of senders of any length", Wrong.MUCH)
    found: list[Mailbox] = []
    part: list[str] = []
    for token in _TOKEN.finditer(as_text(value)):
        if token["end"] not in {None, '"'}:
            raise Malformed("an open quote", Wrong.SENDER)
        if token[0] == ",":
            found.append(_mailbox(part))
            part = []
        else:
            part.append(token[0])
    return (*found, _mailbox(part))


def _mailbox(tokens: list[str]) -> Mailbox:
    if tokens and not tokens[-1].strip():
        tokens = tokens[:-1]
    if tokens and tokens[-1].startswith("<"):
        name = tokens[:-1]
        if any(token in {";", ":", "@", ">"} or token.startswith("<") for token in name):
            raise Malformed("a name with unquoted specials", Wrong.SENDER)
        if any("(" in token for token in name if not token.startswith('"')):
            raise Malformed("a comment", Wrong.SENDER)
        address = tokens[-1][1:-1].strip()
        shown = _decoded("".join(_unquoted(token) for token in name).strip())
    else:
        address, shown = "".join(tokens).strip(), ""
    if split(address) is None and (address.isascii() or list(_inside(address)) != [address]):
        raise Malformed("no address", Wrong.SENDER)  # one with other letters can be read, and is somebody else's
    return Mailbox(shown, address)


def _unquoted(token: str) -> str:
    if not token.startswith('"'):
        return token
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if "\\" in token else token[1:-1]


def _decoded(name: str) -> str:
    """Decode the encoded words of a name (RFC 2047), also quoted ones: some programs show those decoded."""
    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError) as error:
        raise Malformed("an encoded word that cannot be read", Wrong.ENCODED) from error


def _shows_only(own: Collection[str], mailbox: Mailbox) -> bool:
    """Whether the mailbox and every address inside its name are ``own``."""
    name = unicodedata.normalize("NFKC", mailbox.name)
    return all(plain(address) in own for address in (mailbox.address, *_inside(name)))


def _inside(text: str) -> Iterator[str]:
    """Give what looks like an address in ``text``; takes a time that grows with its length alone."""
    return (piece for piece in _BETWEEN.split(text) if _ADDRESS_LIKE.search(piece))
