"""Registry.pol: the values that a Windows PC takes into its registry ([MS-GPREG] 2.2.1). Pure.

May live here: the format, and that of a certificate as the registry holds it. May not: which values a school sets
(``group_policy_content``).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_HEAD: Final = b"PReg" + struct.pack("<I", 1)
_SZ, _BINARY, _DWORD = 1, 3, 4  # [MS-GPREG] 2.2.1: REG_SZ, REG_BINARY, REG_DWORD
_SHA1_PROPERTY, _CERTIFICATE_PROPERTY = 3, 32  # wincrypt.h: CERT_SHA1_HASH_PROP_ID, CERT_CERT_PROP_ID
_LONGEST_DATA: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Value:
    """A value ``name`` of ``key``, which is below HKEY_LOCAL_MACHINE or HKEY_CURRENT_USER, as its file is.

    ``data`` is a REG_DWORD when it is an ``int`` (0 to 2**32 - 1), REG_SZ a ``str``, REG_BINARY ``bytes``.
    """

    key: str
    name: str
    data: int | str | bytes


def registry_pol(values: Iterable[Value]) -> bytes:
    """Return the file with ``values``; raise ``ValueError`` for data longer than the format has room for."""
    return _HEAD + b"".join(map(_entry, values))


def certificate_value(store: str, certificate: bytes) -> Value:
    """Return the value by which ``certificate`` (DER) is in the policy store ``store``, such as ``Root``.

    It is a serialized certificate as crypt32 keeps it: properties (id, 1, length, data), the certificate being one.
    """
    digest = hashlib.sha1(certificate, usedforsecurity=False).digest()
    blob = _property(_SHA1_PROPERTY, digest) + _property(_CERTIFICATE_PROPERTY, certificate)
    key = rf"Software\Policies\Microsoft\SystemCertificates\{store}\Certificates\{digest.hex().upper()}"
    return Value(key, "Blob", blob)


def _property(number: int, data: bytes) -> bytes:
    return struct.pack("<III", number, 1, len(data)) + data


def _entry(value: Value) -> bytes:
    kind, data = _encoded(value.data)
    if len(data) > _LONGEST_DATA:
        raise ValueError(f"{value.key}: {value.name} has {len(data)} bytes")
    parts = (_text(value.key), _text(value.name), struct.pack("<I", kind), struct.pack("<I", len(data)), data)
    return _char("[") + _char(";").join(parts) + _char("]")


def _encoded(data: int | str | bytes) -> tuple[int, bytes]:
    if isinstance(data, int):
        return _DWORD, struct.pack("<I", data)
    return (_SZ, _text(data)) if isinstance(data, str) else (_BINARY, data)


def _text(text: str) -> bytes:
    return _char(text) + b"\0\0"


def _char(text: str) -> bytes:
    return text.encode("utf-16-le")
