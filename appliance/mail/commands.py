"""The arguments of MAIL and RCPT, read strictly (RFC 5321 4.1.2; RFC 1870, 3461, 4954, 6152, 6531). Pure.

May live here: text in, parts or a fault out, for whatever a client sends. May not: replies, and whose address it is
(``addresses``). aiosmtpd's own parser stumbles over some of what clients send, and turns values into capitals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from appliance.mail.envelope import Asked, Envelope, read_asked, read_envelope

_PATH = re.compile(r"\s*(?:<([^<>]*)>|([^\s<>]+))(?:\s+(.*))?\Z", re.DOTALL)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u00a0-\U0010ffff]+))?\Z")
_SIZE = re.compile(r"[0-9]{1,20}\Z", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_PATH = 254


class Fault(StrEnum):
    """Why the argument of MAIL or RCPT is not taken; the reply that says so has the same name."""

    BAD_SYNTAX = "syntax"
    BAD_ADDRESS = "address"
    BAD_LETTERS = "letters"
    UNKNOWN_PARAMETER = "unknown"
    BAD_VALUE = "value"


@dataclass(frozen=True, slots=True)
class Sender:
    """MAIL: ``address`` is empty for a report (``<>``), ``size`` in bytes as announced."""

    address: str
    size: int | None
    smtputf8: bool
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Recipient:
    """RCPT: ``address`` as written, and what its sender wants to be told."""

    address: str
    asked: Asked


def read_sender(argument: str | None, extended: bool) -> Sender | Fault:
    """Read what follows MAIL; ``extended``: the client said EHLO and may use parameters."""
    read = _read(argument, "FROM:", extended, frozenset({"SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID"}))
    if isinstance(read, Fault):
        return read
    address, given = read
    size, envelope = given.get("SIZE"), read_envelope(given)
    if envelope is None or (size is not None and not _SIZE.match(size)) or given.get("AUTH") == "":
        return Fault.BAD_VALUE
    if given.get("BODY", "7BIT").upper() not in {"7BIT", "8BITMIME"} or given.get("SMTPUTF8", "") != "":
        return Fault.BAD_VALUE
    smtputf8 = "SMTPUTF8" in given
    if not address.isascii() and not smtputf8:
        return Fault.BAD_LETTERS
    return Sender(address, None if size is None else int(size), smtputf8, envelope)


def read_recipient(argument: str | None, extended: bool, smtputf8: bool) -> Recipient | Fault:
    """Read what follows RCPT; ``smtputf8``: MAIL said that addresses may have all letters."""
    read = _read(argument, "TO:", extended, frozenset({"NOTIFY", "ORCPT"}))
    if isinstance(read, Fault):
        return read
    address, given = read
    asked = read_asked(given)
    if asked is None:
        return Fault.BAD_VALUE
    if not address:
        return Fault.BAD_ADDRESS
    return Recipient(address, asked) if address.isascii() or smtputf8 else Fault.BAD_LETTERS


def split_path(argument: str) -> tuple[str, str] | None:
    """Give address and parameters of ``<address> parameters``; the empty address is ``<>``. ``None``: not readable."""
    found = _PATH.match(argument)
    if found is None:
        return None
    inside, bare, parameters = found.groups()
    return inside or bare or "<>", parameters or ""


def _read(argument: str | None, word: str, extended: bool, known: frozenset[str]) -> tuple[str, dict[str, str]] | Fault:
    """Give the address and the parameters, names in capitals, each there once; one without a value is empty."""
    if argument is None or argument[: len(word)].upper() != word or not argument[len(word) :].strip(" "):
        return Fault.BAD_SYNTAX
    path = split_path(argument[len(word) :])
    if path is None or len(path[0]) > _LONGEST_PATH or not _sendable(path[0]):
        return Fault.BAD_ADDRESS
    address, rest = path
    if rest and not extended:
        return Fault.BAD_SYNTAX
    given: dict[str, str] = {}
    for part in rest.split(" "):
        if not part:
            continue
        found = _PARAMETER.match(part)
        if found is None or found[1].upper() in given:
            return Fault.BAD_VALUE
        given[found[1].upper()] = found[2] or ""
    if not known.issuperset(given):
        return Fault.UNKNOWN_PARAMETER
    return "" if address == "<>" else address, given


def _sendable(address: str) -> bool:
    """Say whether what came was UTF-8 (``surrogateescape`` marks what was not) without control characters."""
    return not _CONTROL.search(address)
