"""Tickets made by hand (RFC 4120, [MS-PAC]): whoever has a service's key can make any. So no KDC has to be wrong.

May live here: ASN.1, encryption, what a ticket holds. May not: what it is good for (``test_acceptor``). Encryption is
that of Samba's own tests, which not every Debian brings along.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

kcrypto: Any = pytest.importorskip("samba.tests.krb5.kcrypto", reason="this python3-samba has no tests")

_AES256, _HMAC_AES256 = 18, 16
_IF_RELEVANT, _PAC = 1, 128
_UPN_DNS, _CLIENT, _SERVER_SUM, _KDC_SUM = 12, 10, 6, 7
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_KERBEROS = bytes.fromhex("06092a864886f712010202")
_NONE = timedelta()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Forged:
    """What is in a ticket for ``service`` and in the token that shows it; durations are from now on.

    ``principal_name`` and ``account_name`` are in the PAC; ``made_up``: the account has none, the KDC made one up;
    ``signed``: by the service's key. Without ``pac`` there is none. ``clock`` is how far the client's is off.
    """

    name: str = "fred.mustermann"
    realm: str = "SCHULE.EXAMPLE"
    service: str = "imap/server.schule.example"
    service_realm: str = "SCHULE.EXAMPLE"
    principal_name: str = "fred.mustermann@schule.example"
    account_name: str | None = "fred.mustermann"
    made_up: bool = False
    pac: bool = True
    signed: bool = True
    logged_on: timedelta = _NONE
    starts: timedelta = _NONE
    ends: timedelta = timedelta(hours=10)
    clock: timedelta = _NONE
    now: datetime = field(default_factory=_now)

    def anew(self) -> Forged:
        """The same from this moment on: a parameter of a test is as old as the whole run."""
        return replace(self, now=_now())

    def token(self, key: bytes, version: int = 1) -> bytes:
        """The first token of GSSAPI (RFC 4121, 4.1), by the service's AES ``key``."""
        service, session = kcrypto.Key(_AES256, key), kcrypto.Key(_AES256, secrets.token_bytes(32))
        ticket = _application(
            1,
            _numbered(0, _integer(5)),
            _numbered(1, _string(self.service_realm)),
            _numbered(2, _name(self.service)),
            _numbered(3, _encrypted(service, 2, self._inner(service, session), version)),
        )
        shown = _application(
            14,
            _numbered(0, _integer(5)),
            _numbered(1, _integer(14)),
            _numbered(2, _tagged(0x03, b"\0\x20\0\0\0")),
            _numbered(3, ticket),
            _numbered(4, _encrypted(session, 11, self._authenticator())),
        )
        return _tagged(0x60, _KERBEROS, b"\x01\0", shown)

    def _inner(self, service: Any, session: Any) -> bytes:
        parts = [
            _numbered(0, _tagged(0x03, b"\0\0\0\0\0")),
            _numbered(1, _sequence(_numbered(0, _integer(_AES256)), _numbered(1, _tagged(0x04, session.contents)))),
            _numbered(2, _string(self.realm)),
            _numbered(3, _name(self.name)),
            _numbered(4, _sequence(_numbered(0, _integer(0)), _numbered(1, _tagged(0x04, b"")))),
            _numbered(5, _time(self.now + self.logged_on)),
            _numbered(6, _time(self.now + self.starts)),
            _numbered(7, _time(self.now + self.ends)),
        ]
        if self.pac:
            inside = _sequence(_authdata(_PAC, self._pac(service)))
            parts.append(_numbered(10, _sequence(_authdata(_IF_RELEVANT, inside))))
        return _application(3, *parts)

    def _authenticator(self) -> bytes:
        when = self.now + self.clock
        return _application(
            2,
            _numbered(0, _integer(5)),
            _numbered(1, _string(self.realm)),
            _numbered(2, _name(self.name)),
            _numbered(3, _sequence(_numbered(0, _integer(0x8003)), _numbered(1, _tagged(0x04, _FLAGS)))),
            _numbered(4, _integer(secrets.randbelow(1_000_000))),
            _numbered(5, _time(when)),
        )

    def _pac(self, service: Any) -> bytes:
        long, short = self.principal_name.encode("utf-16-le"), (self.account_name or "").encode("utf-16-le")
        flags = (1 if self.made_up else 0) | (0 if self.account_name is None else 2)
        names = struct.pack("<HHHHIHHHH", len(long), 20, 0, 20, flags, len(short), 20 + len(long), 0, 20)
        client = self.name.encode("utf-16-le")
        stamp = int((self.now + self.logged_on - _EPOCH).total_seconds()) * 10**7
        empty = struct.pack("<I", _HMAC_AES256) + bytes(12)
        buffers = {
            _UPN_DNS: names + long + short,
            _CLIENT: struct.pack("<QH", stamp, len(client)) + client,
            _SERVER_SUM: empty,
            _KDC_SUM: empty,
        }
        bare = _pac_bytes(buffers)
        key = service if self.signed else kcrypto.Key(_AES256, secrets.token_bytes(32))
        whole = struct.pack("<I", _HMAC_AES256) + kcrypto.make_checksum(_HMAC_AES256, key, 17, bare)
        return _pac_bytes({**buffers, _SERVER_SUM: whole})


_FLAGS = struct.pack("<I16sI", 16, bytes(16), 0x3A)  # no channel bound; mutual, replay, sequence, integrity (RFC 4121)


def _pac_bytes(buffers: dict[int, bytes]) -> bytes:
    """The buffers behind their table, each at a multiple of eight."""
    table, content, at = b"", b"", 8 + 16 * len(buffers)
    for kind, data in buffers.items():
        table += struct.pack("<IIQ", kind, len(data), at + len(content))
        content += data + bytes(-len(data) % 8)
    return struct.pack("<II", len(buffers), 0) + table + content


def _encrypted(key: Any, usage: int, text: bytes, version: int | None = None) -> bytes:
    parts = [_numbered(0, _integer(_AES256))]
    if version is not None:
        parts.append(_numbered(1, _integer(version)))
    return _sequence(*parts, _numbered(2, _tagged(0x04, kcrypto.encrypt(key, usage, text))))


def _authdata(kind: int, data: bytes) -> bytes:
    return _sequence(_numbered(0, _integer(kind)), _numbered(1, _tagged(0x04, data)))


def _name(text: str) -> bytes:
    parts = text.split("/")
    return _sequence(_numbered(0, _integer(1)), _numbered(1, _sequence(*map(_string, parts))))


def _string(text: str) -> bytes:
    return _tagged(0x1B, text.encode())


def _time(when: datetime) -> bytes:
    return _tagged(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, *parts)


def _numbered(number: int, content: bytes) -> bytes:
    return _tagged(0xA0 | number, content)


def _application(number: int, *parts: bytes) -> bytes:
    return _tagged(0x60 | number, _sequence(*parts))


def _tagged(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + struct.pack(">H", size)
    return bytes([tag]) + length + content
