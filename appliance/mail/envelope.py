"""What the envelope says beside the addresses: which reports its sender asks for (RFC 3461, RFC 6533). Pure.

May live here: the parameters of MAIL and RCPT that are about reports, read strictly. May not: the commands around them
(``commands``), when a report is sent and what stands in it (``reports``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+\Z")
_HEX = re.compile(r"\+([0-9A-F]{2})")
_UNICODE = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_TYPE = re.compile(r"[A-Za-z0-9-]{1,40}\Z")
_KINDS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
_LONGEST_ENVID, _LONGEST_ORCPT = 100, 500


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a report is to look: ``ret`` is FULL, HDRS or ``None`` (ours to choose).

    ``envid`` is the sender's own name for the message, decoded, of printable ASCII.
    """

    ret: str | None = None
    envid: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """When a recipient is reported: ``notify`` holds NEVER alone, or of SUCCESS, FAILURE and DELAY; empty: as usual.

    ``orcpt`` is the recipient as first written, ``type;address``, decoded and printable.
    """

    notify: frozenset[str] = frozenset()
    orcpt: str | None = None


def read_envelope(parameters: Mapping[str, str]) -> Envelope | None:
    """Read RET and ENVID of MAIL's ``parameters`` (names in upper case); ``None``: they cannot be read (RFC 3461 4)."""
    ret, envid = parameters.get("RET"), parameters.get("ENVID")
    if ret is not None:
        ret = ret.upper()
        if ret not in {"FULL", "HDRS"}:
            return None
    if envid is not None:
        envid = _decoded(envid) if len(envid) <= _LONGEST_ENVID else None
        if envid is None:
            return None
    return Envelope(ret, envid)


def read_asked(parameters: Mapping[str, str]) -> Asked | None:
    """Read NOTIFY and ORCPT of RCPT's ``parameters``; ``None``: they cannot be read (RFC 3461 4)."""
    wanted, orcpt = parameters.get("NOTIFY"), parameters.get("ORCPT")
    kinds: tuple[str, ...] = ()
    if wanted is not None:
        kinds = tuple(wanted.upper().split(","))
        if kinds != ("NEVER",) and (len(set(kinds)) != len(kinds) or not _KINDS.issuperset(kinds)):
            return None
    if orcpt is not None:
        orcpt = _original(orcpt) if len(orcpt) <= _LONGEST_ORCPT else None
        if orcpt is None:
            return None
    return Asked(frozenset(kinds), orcpt)


def _original(written: str) -> str | None:
    """Decode ``type;address``; an address of type utf-8 has its letters as they are, or as hexadecimal numbers."""
    kind, semicolon, address = written.partition(";")
    if not semicolon or not _TYPE.match(kind):
        return None
    decoded = _decoded_utf8(address) if kind.lower() == "utf-8" else _decoded(address)
    return None if decoded is None else f"{kind.lower()};{decoded}"


def _decoded(xtext: str) -> str | None:
    """Decode ``xtext``; what is not printable ASCII afterwards could end a line of a report."""
    if not _XTEXT.match(xtext):
        return None
    text = _HEX.sub(lambda found: chr(int(found[1], 16)), xtext)
    return text if text.isascii() and text.isprintable() else None


def _decoded_utf8(address: str) -> str | None:
    try:
        text = _UNICODE.sub(
            lambda found: chr(int(found[1], 16)), _HEX.sub(lambda found: chr(int(found[1], 16)), address)
        )
    except (ValueError, OverflowError):
        return None
    return text if text and text.isprintable() and not any(0xD800 <= ord(each) < 0xE000 for each in text) else None
