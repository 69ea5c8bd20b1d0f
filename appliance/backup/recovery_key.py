"""The recovery key, which opens the dumps and reads the copies in the second place, and the sheet with it.

May live here: the key in its two forms, the text of the sheet, reading it again. May not: a file; the school's server
keeps the public half only, and of the seed nothing at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from appliance.backup import typed
from appliance.backup.problem import BackupError

_KIND: Final = b"ssh-ed25519"
_BYTES: Final = 32
_LINES: Final = _BYTES // typed.WIDTH
_HOST: Final = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:_-]{0,252}", re.ASCII)
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_FACT: Final = re.compile(r"\s*(school|printed|host|port|user)\s*:\s*(\S.*?)\s*", re.IGNORECASE)
_CODE: Final = re.compile(r"\s*([KHS][1-4])\s*[:.)]?\s+(.*)", re.IGNORECASE)
_SHEET: Final = """\
RECOVERY SHEET OF THE SCHOOL'S SERVER

Keep it in the school's safe, and nowhere else; make no photograph of it. With
this sheet, and without any password, everything that the school has in its
backup can be read: who finds it can do so too. The server itself does not have
what stands below under K: if this sheet is lost, a new one is made with
    schoolserver backup pair --again
and the dumps made before stay closed for ever.

When the server is lost: install Debian on a new machine, install the packages
as the handbook says ("The server burnt down"), then run there as root
    schoolserver restore --everything --from {host}
and type what it asks for. Upper or lower case and blanks do not matter. There
is no letter I, L, O or U; 0 is zero, 1 is one.

School:  {school}
Printed: {made}

The backup server
    Host: {host}
    Port: {port}
    User: {user}

The recovery key
{K}

The backup server's host key
{H}

The key that the school signs its backups with
{S}

For comparing, nothing to type
    recovery key  {fingerprint}
    host key      {host_fingerprint}
{host_key}
    signing key   {signing_fingerprint}
{signing_key}
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a fresh machine must know beside the key, no secret.

    ``host_key`` (of the backup server) and ``signing_key`` (of the school) are public keys as OpenSSH writes them
    (``ssh-ed25519 AAAA...``; a comment is dropped). ``school`` and ``made`` are for people: a sheet that was typed may
    lack them. Raises :class:`BackupError` (``refused``) for what is none of it.
    """

    host: str
    port: int
    user: str
    host_key: str
    signing_key: str
    school: str = ""
    made: date | None = None

    def __post_init__(self) -> None:
        """Refuse what ssh must not see, and keys of another kind."""
        for name, value, pattern in (("host", self.host, _HOST), ("user", self.user, _USER)):
            if not pattern.fullmatch(value):
                raise BackupError("refused", f"{name}: {value!a} is none")
        if not 0 < self.port < 65536:
            raise BackupError("refused", f"port: {self.port} is none; it is from 1 to 65535, mostly 22")
        for name in ("host_key", "signing_key"):
            object.__setattr__(self, name, _public_line(_public_bytes(getattr(self, name))))


class RecoveryKey:
    """An Ed25519 key by its ``seed`` of 32 bytes, which nothing shows but :meth:`openssh_private` and :meth:`sheet`."""

    __slots__ = ("__seed", "public_line")

    def __init__(self, seed: bytes) -> None:
        key = Ed25519PrivateKey.from_private_bytes(seed)
        self.__seed = seed
        self.public_line = _public_line(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        """The public half as OpenSSH and ``age --recipient`` take it: ``ssh-ed25519 AAAA...``, no comment."""

    def __repr__(self) -> str:
        return f"<recovery key {fingerprint(self.public_line)}>"

    def openssh_private(self) -> bytes:
        """Give the key as a file for ``ssh -i`` and ``age --identity``; it may lie in root's own tmpfs only."""
        key = Ed25519PrivateKey.from_private_bytes(self.__seed)
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())

    def sheet(self, facts: Facts) -> str:
        """Give the one page to print: the seed, what belongs to it, and what it is: 80 columns, ASCII but the name."""
        blocks = {"K": self.__seed, "H": _public_bytes(facts.host_key), "S": _public_bytes(facts.signing_key)}
        return _SHEET.format(
            **{name: _block(name, content) for name, content in blocks.items()},
            school=" ".join(facts.school.split()) or "-",
            made=facts.made or "-",
            host=facts.host,
            port=facts.port,
            user=facts.user,
            fingerprint=fingerprint(self.public_line),
            host_fingerprint=fingerprint(facts.host_key),
            signing_fingerprint=fingerprint(facts.signing_key),
            host_key=facts.host_key,
            signing_key=facts.signing_key,
        )


def new() -> RecoveryKey:
    """Draw a key."""
    return RecoveryKey(secrets.token_bytes(_BYTES))


def fingerprint(public_line: str) -> str:
    """Give the fingerprint of a public key as OpenSSH shows it: ``SHA256:`` and 43 characters."""
    digest = hashlib.sha256(_wire(_public_bytes(public_line))).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def read_sheet(text: str) -> tuple[RecoveryKey, Facts]:
    """Read a whole sheet, or only what is to be typed: ``Host: ...``, ``Port: ...``, ``User: ...`` and the 12 lines.

    Raises :class:`BackupError` (``refused``) naming the line that is missing or mistyped; quotes no secret.
    """
    facts = {found[1].lower(): found[2] for line in text.splitlines() if (found := _FACT.fullmatch(line))}
    codes = {found[1].upper(): found[2] for line in text.splitlines() if (found := _CODE.fullmatch(line))}
    missing = next((name for name in ("host", "port", "user") if name not in facts), None)
    if missing is not None:
        raise BackupError("refused", f"line {missing.capitalize()}: is missing")
    if not _PORT.fullmatch(facts["port"]):
        raise BackupError("refused", "line Port: it is a number from 1 to 65535, mostly 22")
    key = RecoveryKey(typed.content("K", _LINES, codes))
    keys = {name: _public_line(typed.content(block, _LINES, codes)) for name, block in _KEYS.items()}
    return key, Facts(
        facts["host"],
        int(facts["port"]),
        facts["user"],
        school="" if facts.get("school", "-") == "-" else facts["school"],
        made=_day(facts),
        **keys,
    )


_KEYS: Final = {"host_key": "H", "signing_key": "S"}


def _day(facts: Mapping[str, str]) -> date | None:
    try:
        return date.fromisoformat(facts.get("printed", "-"))
    except ValueError:
        return None


def _block(name: str, content: bytes) -> str:
    return "\n".join(f"    {label}  {line}" for label, line in typed.lines(name, content).items())


def _public_bytes(line: str) -> bytes:
    try:
        kind, text, *_ = line.split()
        wire = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BackupError("refused", "this is no public key of ssh") from error
    if kind.encode() != _KIND or wire != _wire(wire[-_BYTES:]):
        raise BackupError("refused", "a recovery sheet holds keys of the kind ssh-ed25519 only")
    return wire[-_BYTES:]


def _public_line(public: bytes) -> str:
    return f"{_KIND.decode()} {base64.b64encode(_wire(public)).decode('ascii')}"


def _wire(public: bytes) -> bytes:
    """The key as it goes over the line (RFC 8709, section 4)."""
    return b"".join(struct.pack(">I", len(part)) + part for part in (_KIND, public))
