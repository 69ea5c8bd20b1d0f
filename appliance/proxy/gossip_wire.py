"""What the proxy's workers tell each other, as bytes. May live here: the format. May not: sockets.

A datagram: a keyed hash of what follows (16 bytes), the number of the worker (2), the kind (1), then the body. Counts:
hash of the account, hash of the host, bytes up, bytes down (8 each), again and again. Wants of a direction: bytes a
second (a double), then hashes of accounts (8 each). All in network order.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from appliance.policy.request import Action
from appliance.proxy.line_part import Wants
from appliance.proxy.metering import Count

LONGEST = 60_000
"""Bytes of the longest datagram."""
_HEAD = struct.Struct("!HB")
_COUNT = struct.Struct("!QQQQ")
_RATE = struct.Struct("!d")
_ACCOUNT = struct.Struct("!Q")
_SEAL = 16
_ROOM = LONGEST - _SEAL - _HEAD.size
COUNTS_EACH = _ROOM // _COUNT.size
"""How many counts are in a datagram; those with wants come last."""
_COUNTS, _WANTS = 0, {1: Action.FETCH, 2: Action.WRITE}
_KINDS = {action: kind for kind, action in _WANTS.items()}
_MANY_BYTES = 2**60


@dataclass(frozen=True, slots=True)
class Heard:
    """What ``worker`` said in one datagram."""

    worker: int
    counts: Sequence[Count] = ()
    wants: Mapping[Action, Wants] = field(default_factory=dict)


def encode(worker: int, counts: Sequence[Count], wants: Mapping[Action, Wants], key: bytes) -> list[bytes]:
    """Give the datagrams that say so; none if there is nothing to say. ``key``: the same in all workers."""
    return [_sealed(_HEAD.pack(worker, kind) + body, key) for kind, body in _bodies(counts, wants)]


def decode(datagram: bytes, key: bytes) -> Heard | None:
    """Read one datagram; ``None`` when none of our workers wrote it, or it is no whole one."""
    said = datagram[_SEAL:]
    if len(said) < _HEAD.size or not hmac.compare_digest(datagram[:_SEAL], _seal(said, key)):
        return None
    worker, kind = _HEAD.unpack_from(said)
    body = said[_HEAD.size :]
    if kind == _COUNTS and len(body) % _COUNT.size == 0:
        counts = [Count(*fields) for fields in _COUNT.iter_unpack(body)]
        return Heard(worker, counts) if all(max(one.up, one.down) <= _MANY_BYTES for one in counts) else None
    if kind in _WANTS and len(body) % _ACCOUNT.size == 0 and len(body) >= _RATE.size:
        (light,) = _RATE.unpack_from(body)
        hungry = frozenset(account for (account,) in _ACCOUNT.iter_unpack(body[_RATE.size :]))
        return Heard(worker, wants={_WANTS[kind]: Wants(light, hungry)}) if 0 <= light < _MANY_BYTES else None
    return None


def _bodies(counts: Sequence[Count], wants: Mapping[Action, Wants]) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(counts), COUNTS_EACH):
        some = counts[start : start + COUNTS_EACH]
        rows = (_COUNT.pack(one.owner, one.about, one.up, one.down) for one in some)
        yield _COUNTS, b"".join(rows)
    for action, one in wants.items():
        yield _KINDS[action], _RATE.pack(one.light) + _accounts(one.hungry)


def _accounts(hungry: Iterable[int]) -> bytes:
    """As many as there is room for: 7,000 and more."""
    most = (_ROOM - _RATE.size) // _ACCOUNT.size
    return b"".join(_ACCOUNT.pack(account) for account in sorted(hungry)[:most])


def _sealed(said: bytes, key: bytes) -> bytes:
    return _seal(said, key) + said


def _seal(said: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(said, digest_size=_SEAL, key=key).digest()
