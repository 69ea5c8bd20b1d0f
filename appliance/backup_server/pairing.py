"""Two machines learn each other's public keys over a line that anybody may read and write: the exchange alone.

The school's server connects. It says a hash first (its commitment), the backup server then its values and a nonce, and
only after that the school's server what was hashed: its own values and nonce. The code is a hash of all three lines.
Who sits in between has to choose what he says to one side before he knows what the other will say, so that his two
codes agree by chance alone, once in 10^8; that is numeric comparison as in Bluetooth (Core 5.4, volume 2, part H, 7.2).
May live here: what is said and what it means. May not: sockets, clocks, files, keys' private halves.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.backup_server import ssh_key

LONGEST = 2048
"""Bytes that one line may have."""

ANSWERED_WITHIN = 300.0
"""Seconds that both people have for their answers."""

_FORMAT = 1
_DIGITS = 8
_NONCE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_USER = re.compile(r"schoolbackup-[a-z][a-z0-9-]{0,18}", re.ASCII)


class PairingError(Exception):
    """The other side did not say what the exchange expects; the text says what, in words of ours."""


@dataclass(frozen=True, slots=True)
class SchoolValues:
    """What the backup server learns: the ``key`` that transfers, and that of the ``recovery`` sheet, which reads."""

    key: str
    recovery: str


@dataclass(frozen=True, slots=True)
class PlaceValues:
    """What the school's server learns: the ``user`` over there, the machine's ``host_key``, sshd's ``port``."""

    user: str
    host_key: str
    port: int


@dataclass(slots=True)
class SchoolSide:
    """The exchange as the school's server has it; used once. ``nonce``: 32 fresh random bytes."""

    own: SchoolValues
    nonce: bytes
    _told: list[bytes] = field(default_factory=list)

    def first(self) -> bytes:
        """Give the first line: the commitment to what is said last."""
        self._told = [_line({"pairing": _FORMAT, "commitment": _commitment(self._last())})]
        return self._told[0]

    def last(self, answer: bytes) -> tuple[bytes, PlaceValues, str]:
        """Give the last line, what the backup server's ``answer`` said, the code; raises :class:`PairingError`."""
        said = _read(answer, {"nonce", "user", "host_key", "port"})
        _nonce(said["nonce"])
        user, port = said["user"], said["port"]
        if not isinstance(user, str) or not _USER.fullmatch(user):
            raise PairingError("it names no user for copies")
        if type(port) is not int or not 0 < port < 65536:
            raise PairingError("it names no port of ssh")
        place = PlaceValues(user, _key(said["host_key"]), port)
        last = self._last()
        return last, place, _code(*self._told, answer, last)

    def _last(self) -> bytes:
        return _line({"nonce": self.nonce.hex(), "key": self.own.key, "recovery": self.own.recovery})


@dataclass(slots=True)
class PlaceSide:
    """The exchange as the backup server has it; used once. ``nonce``: 32 fresh random bytes, others each time."""

    own: PlaceValues
    nonce: bytes
    _told: list[bytes] = field(default_factory=list)

    def answer(self, first: bytes) -> bytes:
        """Give the line that answers a school's ``first``; raises :class:`PairingError`."""
        said = _read(first, {"pairing", "commitment"})
        if said["pairing"] != _FORMAT:
            raise PairingError("it has another version of schoolserver; bring both machines to the same one")
        if not isinstance(said["commitment"], str) or not _HASH.fullmatch(said["commitment"]):
            raise PairingError("it does not begin as a school's server does")
        own = {"user": self.own.user, "host_key": self.own.host_key, "port": self.own.port}
        self._told = [first, _line({"nonce": self.nonce.hex(), **own})]
        return self._told[1]

    def finish(self, last: bytes) -> tuple[SchoolValues, str]:
        """Give what the school's ``last`` line said, and the code; raises :class:`PairingError`."""
        if json.loads(self._told[0])["commitment"] != _commitment(last):
            raise PairingError("it says something else than it had committed itself to")
        said = _read(last, {"nonce", "key", "recovery"})
        _nonce(said["nonce"])
        school = SchoolValues(_key(said["key"]), _key(said["recovery"]))
        if school.key == school.recovery:
            raise PairingError("its two keys are one")
        return school, _code(*self._told, last)


def verdict(same: bool) -> bytes:
    """Give the line with which a side says what its human said, and, at the end, whether all was kept."""
    return _line({"same": same})


def heard(line: bytes) -> bool:
    """Whether the other side says yes; raises :class:`PairingError`."""
    return _read(line, {"same"})["same"] is True


def shown(code: str) -> str:
    """Give the code as both screens show it: two groups of four."""
    return f"{code[:4]} {code[4:]}"


def _line(said: Mapping[str, object]) -> bytes:
    return json.dumps(said).encode("ascii")


def _read(line: bytes, names: set[str]) -> Mapping[str, Any]:
    try:
        said = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise PairingError("it does not talk as schoolserver does") from error
    if not isinstance(said, dict) or set(said) != names:
        raise PairingError("it does not talk as schoolserver does")
    return said


def _nonce(value: object) -> None:
    if not isinstance(value, str) or not _NONCE.fullmatch(value):
        raise PairingError("it does not talk as schoolserver does")


def _key(value: object) -> str:
    try:
        return ssh_key.checked(value)
    except ValueError as error:
        raise PairingError("its key is none of ours") from error


def _commitment(last: bytes) -> str:
    return hashlib.sha256(b"schoolserver pairing, commitment\0" + last).hexdigest()


def _code(*lines: bytes) -> str:
    """No line holds a line end, so what is hashed can be parted in one way only."""
    digest = hashlib.sha256(b"schoolserver pairing, code\0" + b"\n".join(lines)).digest()
    return f"{int.from_bytes(digest) % 10**_DIGITS:0{_DIGITS}}"
