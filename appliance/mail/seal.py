"""The mark of what this server delivered: a signed first line that nobody can write who puts mail there himself (K09).

May live here: what the line says, making and judging it, reading a file for that. May not: keys on the disk
(``seal_key``), mailboxes. Ed25519 (RFC 8032) over the line itself and the SHA-256 of every byte behind it, so neither
the time nor the sender nor the message can be exchanged. Its length is known before the message is: a blank goes in
first and is written over at the end. No other module of ours is imported: the supervisor and the command line judge
by the same lines.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import quote, unquote

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

FIELD = "X-School-Seal"

_TIME = "%Y%m%dT%H%M%SZ"
_SIGNATURE = 88  # 64 bytes as base64
_LONGEST_SENDER = 700  # of 998 bytes that a line may have (RFC 5322 2.1.1)
_LONGEST_LINE = 998
_LINE = re.compile(
    rf"(?P<signed>{FIELD}: 1 (?P<time>\d{{8}}T\d{{6}}Z) (?P<identity>[0-9A-Za-z.-]{{1,64}}) (?P<sender>[!-~]+)) "
    rf"(?P<signature>[A-Za-z0-9+/=]{{{_SIGNATURE}}})\Z"
)
# What mail programs write above a message that they save; none of them shows it to anybody.
_ADDED = re.compile(rb"(?:From |>From |X-Mozilla-[A-Za-z0-9-]+:|X-Account-Key:|X-UIDL:)")
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a good mark proves: our ``identity`` of the message, when (UTC) and for which envelope sender.

    ``sender`` is empty for the null sender, ``None`` where it was too long for the line.
    """

    identity: str
    at: datetime
    sender: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The first line of a file and the SHA-256 (hexadecimal) of all that follows, its lines ended with CRLF."""

    line: str
    digest: str


class Sealer:
    """Marks messages with ``key``. Thread-safe."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def begin(self, identity: str, at: datetime, sender: str) -> Sealing:
        """Begin a message that we call ``identity`` (letters, digits, dots, hyphens), accepted ``at``.

        ``sender`` is that of the envelope, empty for the null sender.
        """
        shown = quote(sender, safe="@!#$&'*+/=?^_`{|}~.-") or "<>"
        shown = shown if len(shown) <= _LONGEST_SENDER else "-"
        time = at.astimezone(UTC).strftime(_TIME)
        return Sealing(self._key, f"{FIELD}: 1 {time} {identity} {shown}".encode("ascii"))


class Sealing:
    """The mark of one message in the making: give it each byte behind the line, in order and CRLF at the ends of lines.

    ``placeholder`` is a line of the length of :meth:`line` that proves nothing.
    """

    def __init__(self, key: SigningKey, signed: bytes) -> None:
        self._key = key
        self._signed = signed
        self._digest = hashlib.sha256()
        self.placeholder = signed + b" " + b"-" * _SIGNATURE + b"\r\n"

    def update(self, data: bytes) -> None:
        """Take the next bytes of the message."""
        self._digest.update(data)

    def line(self) -> bytes:
        """Give the mark, now that all bytes are there; takes some 30 microseconds."""
        signature = self._key.sign(_what_is_signed(self._signed, self._digest.digest())).signature
        return self._signed + b" " + base64.b64encode(signature) + b"\r\n"


def evidence(file: BinaryIO) -> Evidence:
    """Read a message, as it lies in a mailbox or as a mail program saved it. Raises ``OSError``; memory is bounded.

    Ends of lines may have been changed by the program; what we deliver has no other ends than CRLF.
    """
    line = file.readline(_LONGEST_LINE + 2)
    while _ADDED.match(line) and line.endswith(b"\n"):
        line = file.readline(_LONGEST_LINE + 2)
    digest, held = hashlib.sha256(), b""
    while chunk := file.read(_CHUNK):
        held += chunk
        cut = len(held) - held.endswith(b"\r")  # the LF of a CRLF may be in the next chunk
        digest.update(held[:cut].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        held = held[cut:]
    digest.update(held)
    return Evidence(line.rstrip(b"\r\n").decode("ascii", "replace"), digest.hexdigest())


def judge(found: Evidence, keys: Iterable[VerifyKey]) -> Delivered | None:
    """Say what ``found`` proves by one of our public ``keys``; ``None``: we did not deliver it, or it was changed."""
    read = _LINE.match(found.line)
    if read is None:
        return None
    try:
        signature = base64.b64decode(read["signature"], validate=True)
        signed = _what_is_signed(read["signed"].encode("ascii"), bytes.fromhex(found.digest))
        at = datetime.strptime(read["time"], _TIME).replace(tzinfo=UTC)
    except (binascii.Error, ValueError):
        return None
    one_way = base64.b64encode(signature).decode("ascii") == read["signature"]  # its last bits mean nothing
    if not one_way or not any(_signed_by(key, signed, signature) for key in keys):
        return None
    return Delivered(read["identity"], at, {"<>": "", "-": None}.get(read["sender"], unquote(read["sender"])))


def _what_is_signed(line: bytes, digest: bytes) -> bytes:
    return line + b"\n" + digest


def _signed_by(key: VerifyKey, signed: bytes, signature: bytes) -> bool:
    try:
        key.verify(signed, signature)
    except (BadSignatureError, ValueError):
        return False
    return True
