"""A site's HTTPS record (RFC 9460): its keys for encrypted hellos, by id (RFC 9848, RFC 9849).

May live here: reading the record's bytes, pure. May not: asking for it (``names``), what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, error

_ECH = 5
"""The SvcParamKey of a list of keys for encrypted hellos (RFC 9848, 3)."""
_VERSION = 0xFE0D
_TWO = Struct(">H").unpack_from
_FOUR = Struct(">HH").unpack_from
_CONFIG = Struct(">BHH").unpack_from
_PUBLIC = Struct(">BB").unpack_from


Key = tuple[int, str]


class BadRecord(ValueError):
    """These bytes are no HTTPS record, or no list of ECHConfigs."""


@dataclass(frozen=True, slots=True)
class HttpsRecord:
    """One record: the ``target`` (lower case, no final dot; empty: the name itself), and the ``keys`` it publishes.

    ``alias``: the record says only that the answer lies at ``target`` (RFC 9460, 2.4.2). ``keys`` are those for
    encrypted hellos: the config_id (0 to 255), and the public name (lower case) that such a hello says in clear.
    """

    alias: bool
    target: str
    keys: frozenset[Key]


def https_record(data: bytes) -> HttpsRecord:
    """Read the data of a record of type 65 (RFC 9460, 2.2); raises :class:`BadRecord`."""
    try:
        (priority,) = _TWO(data, 0)
        target, at = _name(data, 2)
        found: frozenset[Key] = frozenset()
        last = -1
        while at < len(data):
            key, size = _FOUR(data, at)
            at += 4 + size
            if key <= last:
                raise BadRecord("the parameters are not in order")
            last = key
            if key == _ECH and at <= len(data):
                found = keys(data[at - size : at])
    except error:
        raise BadRecord("the record is cut off") from None
    if at != len(data):
        raise BadRecord("the record is cut off")
    return HttpsRecord(True, target, frozenset()) if priority == 0 else HttpsRecord(False, target, found)


def keys(data: bytes) -> frozenset[Key]:
    """Read an ECHConfigList (RFC 9849, 4) into the keys of the version in use; raises :class:`BadRecord`."""
    found, at = set(), 2
    try:
        if _TWO(data, 0)[0] != len(data) - 2:
            raise BadRecord("a list of a wrong length")
        while at < len(data):
            version, size = _FOUR(data, at)
            at += 4 + size
            if version == _VERSION and at <= len(data):
                found.add(_key(data[at - size : at]))
    except error:
        raise BadRecord("a list that is cut off") from None
    if at != len(data):
        raise BadRecord("a list that is cut off")
    return frozenset(found)


def _key(config: bytes) -> Key:
    config_id, _kem, key = _CONFIG(config, 0)
    (suites,) = _TWO(config, 5 + key)
    _longest, size = _PUBLIC(config, 7 + key + suites)
    public = config[9 + key + suites :][:size]
    if not key or suites % 4 or not size or len(public) < size or not public.isascii():
        raise BadRecord("a configuration of a wrong length")
    return int(config_id), public.decode("ascii").lower()


def _name(data: bytes, at: int) -> tuple[str, int]:
    """Read a name without compression (RFC 9460, 2.2), and where it ends."""
    labels = []
    while True:
        if at >= len(data):
            raise BadRecord("the target is cut off")
        size = data[at]
        at += 1 + size
        if not size:
            break
        if size > 63 or at > len(data):
            raise BadRecord("the target is no name")
        labels.append(data[at - size : at])
    name = b".".join(labels).lower()
    if not name.isascii() or len(name) > 253:
        raise BadRecord("the target is no name")
    return name.decode("ascii"), at
