"""The key of the mark on the disk: ``seal.key`` for mail alone, ``seal.pub`` for whoever judges a message.

May live here: making and reading both. May not: what is signed (``seal``). ``seal.pub`` has a key a line: the one of
now and those before it (a server that was set up anew), so that older mail can be judged still.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from nacl.encoding import Base64Encoder
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from appliance.daemon.logs import Told
from appliance.daemon.whole_file import write_whole

_PRIVATE, _PUBLIC = "seal.key", "seal.pub"
_LONGEST = 1_000_000

Key = TypeVar("Key", SigningKey, VerifyKey)


class NoKey(Told):
    """A file holds no key; the text names it."""


def own_key(folder: Path) -> SigningKey:
    """Give the key of the mark in ``folder``, made if there is none; the public one lies beside it then.

    Workers that start at the same moment get the same one. Raises :class:`NoKey` or ``OSError``; a file that is no
    key is never replaced.
    """
    with _one_at_a_time(folder):
        path = folder / _PRIVATE
        if not path.exists():
            write_whole(path, SigningKey.generate().encode(Base64Encoder) + b"\n", 0o400)
        key = _decoded(path, path.read_bytes().strip(), SigningKey)
        public = folder / _PUBLIC
        known = public.read_bytes() if public.exists() else b""
        line = key.verify_key.encode(Base64Encoder)
        if line not in known.split():
            group = folder.stat().st_gid
            write_whole(public, line + b"\n" + known, 0o440, (-1, group))
        return key


def public_keys(folder: Path) -> tuple[VerifyKey, ...]:
    """Give the public keys in ``folder``, none where nothing was ever marked. Raises :class:`NoKey` or ``OSError``."""
    path = folder / _PUBLIC
    try:
        with path.open("rb") as file:
            lines = file.read(_LONGEST).split()
    except FileNotFoundError:
        return ()
    return tuple(_decoded(path, line, VerifyKey) for line in lines)


def marked_since(folder: Path) -> datetime | None:
    """Give since when mail is marked with the key of now; ``None``: it never was. Raises ``OSError``."""
    try:
        return datetime.fromtimestamp((folder / _PRIVATE).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _decoded(path: Path, text: bytes, kind: type[Key]) -> Key:
    try:
        return kind(text, Base64Encoder)
    except (CryptoError, ValueError, TypeError) as error:
        raise NoKey(f"{path} holds no key of the mark") from error
