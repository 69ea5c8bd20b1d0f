"""The first bytes of a TLS connection, a ClientHello (RFC 8446, 4.1.2 and 5.1): which server it asks for.

May live here: reading and refusing these bytes, pure. May not: what is decided by the name; decrypting anything.
Everything is refused that two programs could read in two ways: a filter that guesses can be led past.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct, error
from typing import ClassVar, Final, Literal

HELLO_MAX: Final = 32 * 1024
"""Bytes of all records of a hello together; browsers send less than 2 KiB, with large keys and tickets some more."""
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_OLDEST, _NEWEST = 0x301, 0x303
"""Versions, as they are told here: those after TLS 1.2 are told elsewhere."""
_RECORD, _HEAD, _FIRST = 5, 4, 9
_RECORD_MAX = 16384
_FIXED = 2 + 32
"""Version and random."""
_SHORTEST = _FIXED + 1 + 2 + 2 + 2
_SERVER_NAME, _ECH, _ESNI = 0, 0xFE0D, 0xFFCE
_READ = frozenset((_SERVER_NAME, _ECH, _ESNI))
_INNER = b"\1"
_NAME = re.compile(rb"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_NAME_MAX = 253
_NUMBER = re.compile(rb"[0-9]+|0x[0-9a-f]*")
_NINE = ord("9")
_FRONT = Struct(">BHHBBH").unpack_from
_BODY = Struct(">H32xB").unpack_from
_TWO = Struct(">H").unpack_from
_EXTENSION = Struct(">HH").unpack_from
_LIST = Struct(">HBH").unpack_from
_OUTER = Struct(">BHHBH").unpack_from


class NotTls(ValueError):
    """These bytes are no ClientHello, or none that all read the same way; the text says why, without content."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a ClientHello tells in clear.

    ``name`` is that of the server: lower case, ASCII (IDNA A-labels), no final dot; ``None`` when none is given
    (RFC 6066, 3). ``encrypted`` is the config_id (0 to 255) under which a second, encrypted hello is carried along
    (RFC 9849, 5), ``None`` when none is. Browsers carry noise under a random config_id where they have no key
    (GREASE, 6.2): only who knows the ids that a site publishes can tell. ``ESNI`` stands for the way of before, an
    encrypted name alone, which no browser imitates.
    """

    name: str | None
    encrypted: int | None
    ESNI: ClassVar[int] = -1


class Reading:
    """Reads a hello that comes in pieces; each look costs no more than what is new."""

    __slots__ = ("_at", "_message")

    def __init__(self) -> None:
        self._at = 0
        self._message = bytearray()

    def look(self, data: bytes | bytearray) -> Hello | None:
        """Read ``data``, all that came since the connection began: ``None`` while some is missing.

        What follows the hello is left alone. Raises :class:`NotTls` as soon as the records or the message's head can
        become no hello, and for what is no TLS at the first bytes.
        """
        if not self._at:
            found = _in_one(data)
            if found is not None:
                return found
        message = self._message
        while True:
            size = _record(data, self._at)
            if not size:
                break
            begin = self._at + _RECORD
            message += data[begin : begin + size]
            self._at = begin + size
            whole = _head(message)
            if whole and len(message) >= whole:
                if len(message) > whole:
                    raise NotTls("more than a hello before the answer")
                return _hello(message, _HEAD, whole)
            if self._at + _RECORD + whole - len(message) > HELLO_MAX:
                raise NotTls("the hello is too long")
        if not message:
            _head(data[_RECORD:_FIRST])
        if len(data) >= HELLO_MAX:
            raise NotTls("the hello is too long")
        return None


def _in_one(data: bytes | bytearray) -> Hello | None:
    """Read a hello that lies in one record at the front of ``data``, as nearly all do; ``None``: it may be another."""
    if len(data) > _FIRST:
        kind, version, size, handshake, high, length = _FRONT(data)
        usual = kind == _HANDSHAKE and handshake == _CLIENT_HELLO and _OLDEST <= version <= _NEWEST and not high
        if usual and length + _HEAD == size <= _RECORD_MAX and len(data) >= size + _RECORD:
            return _hello(data, _FIRST, size + _RECORD)
    return None


def alert(description: Literal[49, 112]) -> bytes:
    """Give the record that refuses a hello (RFC 8446, 6): 49 access_denied, 112 unrecognized_name."""
    return bytes((21, 3, 3, 0, 2, 2, description))


def _record(data: bytes | bytearray, at: int) -> int:
    """Give the bytes in the record at ``at``, 0 while it is not whole."""
    there = len(data) - at
    if there > 0 and data[at] != _HANDSHAKE:
        raise NotTls("no handshake of TLS")
    if (there > 1 and data[at + 1] != 3) or (there > 2 and data[at + 2] not in (1, 2, 3)):
        raise NotTls("a version that TLS does not have")
    if there < _RECORD:
        return 0
    (size,) = _TWO(data, at + 3)
    if not 0 < size <= _RECORD_MAX:
        raise NotTls("a record of a wrong length")
    return size if there >= _RECORD + size else 0


def _head(message: bytes | bytearray) -> int:
    """Give the length of ``message``, a handshake, with its head; 0 while that is not known."""
    if message and message[0] != _CLIENT_HELLO:
        raise NotTls("a handshake that does not begin with a hello")
    if len(message) < _HEAD:
        return 0
    whole = _HEAD + int.from_bytes(message[1:4], "big")
    if whole + _RECORD > HELLO_MAX or whole < _HEAD + _SHORTEST:
        raise NotTls("a hello of a wrong length")
    return whole


def _hello(data: bytes | bytearray, at: int, end: int) -> Hello:
    """Read the body of a ClientHello, between ``at`` and ``end``."""
    if end - at < _SHORTEST:
        raise NotTls("a hello of a wrong length")
    version, session = _BODY(data, at)
    if not _OLDEST <= version <= _NEWEST:
        raise NotTls("a hello of a version that TLS does not have")
    at += _FIXED + 1 + session
    if session > 32 or at + 2 > end:
        raise NotTls("a session's number of a wrong length")
    (ciphers,) = _TWO(data, at)
    at += 2 + ciphers
    if not ciphers or ciphers % 2 or at >= end:
        raise NotTls("ciphers of a wrong length")
    compressions = data[at]
    at += 1 + compressions
    if not compressions or at > end:
        raise NotTls("compressions of a wrong length")
    if at == end:
        return Hello(None, None)
    if at + 2 > end or _TWO(data, at)[0] != end - at - 2:
        raise NotTls("extensions of a wrong length")
    return _extensions(data, at + 2, end)


def _extensions(data: bytes | bytearray, at: int, end: int) -> Hello:
    """Go through the extensions between ``at`` and ``end``."""
    read, unpack = _READ, _EXTENSION
    found: dict[int, bytes | bytearray] = {}
    try:
        while at < end:
            kind, size = unpack(data, at)
            at += 4 + size
            if kind in read:
                if kind in found:
                    raise NotTls("the same extension twice")
                found[kind] = data[at - size : at]
    except error:
        raise NotTls("an extension of a wrong length") from None
    if at != end:
        raise NotTls("an extension of a wrong length")
    name = found.get(_SERVER_NAME)
    encrypted = found.get(_ECH)
    return Hello(
        None if name is None else _server_name(name),
        Hello.ESNI if _ESNI in found else None if encrypted is None else _config_id(encrypted),
    )


def _server_name(body: bytes | bytearray) -> str:
    if len(body) < 5:
        raise NotTls("no name of a server where one should be")
    whole, kind, size = _LIST(body)
    if whole + 2 != len(body) or kind or size + 3 != whole:
        raise NotTls("not exactly one name of a server")
    name = body[5:].lower()
    if name.endswith(b"."):
        name = name[:-1]
    if len(name) > _NAME_MAX or not _NAME.fullmatch(name):
        raise NotTls("what should be the server's name is none")
    last = name.rfind(b".") + 1
    if name[last] <= _NINE and _NUMBER.fullmatch(name, last):
        raise NotTls("an address for the server's name")
    return name.decode("ascii")


def _config_id(body: bytes | bytearray) -> int | None:
    """Read an ECHClientHello (RFC 9849, 5): the id of an outer one; ``None`` for an inner one, which hides nothing."""
    if body == _INNER:
        return None
    if len(body) < 10:
        raise NotTls("an encrypted hello of a wrong length")
    kind, _kdf, _aead, config_id, key = _OUTER(body)
    if kind or 10 + key > len(body) or 10 + key + _TWO(body, 8 + key)[0] != len(body) or len(body) == 10 + key:
        raise NotTls("an encrypted hello that is none")
    return int(config_id)
