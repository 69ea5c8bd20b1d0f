"""Questions and answers of the DNS as bytes (RFC 1035, 4): what an answer says, and whether it is one to the question.

May live here: writing and reading messages, pure. May not: sending them (``resolver``), keeping answers (``names``).
No EDNS: what does not fit into 512 bytes is asked for again over TCP, as the system's resolver does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from twisted.names import dns

_CHAIN = 16
"""Names that an answer may lead through (CNAME)."""
_MOST = 16
"""Records of an answer that are kept; nobody tries more."""
_TTL_MAX = 2**31 - 1
_SHAPES = {dns.A: dns.Record_A, dns.AAAA: dns.Record_AAAA, dns.CNAME: dns.Record_CNAME, dns.SOA: dns.Record_SOA}


class Kind(Enum):
    """What is asked for: addresses, or how to reach a site by HTTPS (RFC 9460)."""

    A = dns.A
    AAAA = dns.AAAA
    HTTPS = 65


class Flaw(Enum):
    """Why a server's answer is of no use."""

    CUT = "it does not fit"
    FAILED = "the server could not or would not say"


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is: ``values`` (addresses; the data of HTTPS records), none if there is nothing, for ``seconds``."""

    values: tuple[IPv4Address | IPv6Address | bytes, ...]
    seconds: int


class _Message(dns.Message):
    """A message of which only what is needed is read."""

    def lookupRecordType(self, kind: int) -> Any:
        return _SHAPES.get(kind, dns.UnknownRecord)


def question(number: int, name: str, kind: Kind) -> bytes:
    """Write the question for ``name`` (lower case, ASCII, no final dot) with the ``number`` that an answer repeats."""
    message = dns.Message(number, recDes=1)
    message.addQuery(name.encode("ascii"), kind.value, dns.IN)
    written: bytes = message.toStr()
    return written


def answer(data: bytes, number: int, name: str, kind: Kind) -> Answer | Flaw | None:
    """Read the answer to :func:`question`; ``None``: these bytes are none."""
    message = _Message()
    try:
        message.fromStr(data)
    except (EOFError, ValueError, struct.error):
        return None
    if message.id != number or not message.answer or message.opCode != dns.OP_QUERY:
        return None
    asked = [(one.name.name.lower(), one.type, one.cls) for one in message.queries]
    failed = message.rCode not in (dns.OK, dns.ENAME)
    if asked != [(name.encode("ascii"), kind.value, dns.IN)]:
        return Flaw.FAILED if failed and not asked else None
    if failed:
        return Flaw.FAILED
    return Flaw.CUT if message.trunc else _said(message, name.encode("ascii"), kind)


def _said(message: _Message, name: bytes, kind: Kind) -> Answer:
    """Follow the names through the answer (RFC 1034, 3.6.2)."""
    rows = [one for one in message.answers if one.cls == dns.IN and one.type in (kind.value, dns.CNAME)]
    seconds = _TTL_MAX
    for _ in range(_CHAIN):
        here = [one for one in rows if one.name.name.lower() == name]
        found = [one for one in here if one.type == kind.value][:_MOST]
        if found:
            return Answer(tuple(_value(one.payload, kind) for one in found), min(seconds, *map(_ttl, found), _TTL_MAX))
        onward = next((one for one in here if one.type == dns.CNAME), None)
        if onward is None:
            break
        name, seconds = onward.payload.name.name.lower(), min(seconds, _ttl(onward))
    absent = [min(_ttl(one), one.payload.minimum) for one in message.authority if one.type == dns.SOA]
    return Answer((), min(seconds, *absent) if absent else 0)  # RFC 2308, 5: without SOA it is not to be kept


def _value(payload: dns.IRecord, kind: Kind) -> IPv4Address | IPv6Address | bytes:
    if kind is Kind.HTTPS:
        return bytes(payload.data)
    return IPv4Address(payload.address) if kind is Kind.A else IPv6Address(payload.address)


def _ttl(row: dns.RRHeader) -> int:
    """Give the seconds of a record; with the highest bit set they are none (RFC 2181, 8)."""
    return row.ttl if row.ttl <= _TTL_MAX else 0
