"""A certificate with its chain and their key, put into a folder as one: a power cut leaves the former pair or the new.

Both lie in ``pair.pem``, which is renamed whole; ``cert.pem`` and ``key.pem`` are links to it, and every TLS library
finds in it what it looks for. May not live here: making or judging a certificate (``authority``).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from appliance.daemon.descriptors import FOLDER, exists, opened
from appliance.daemon.whole_file import Owner

_PAIR = "pair.pem"
_NAMES = ("cert.pem", "key.pem")
_NEW = ".pair.pem.new"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def install(folder: Path, chain: bytes, key: bytes, owner: Owner | None = None) -> bool:
    """Put ``chain`` and ``key`` (PEM) into ``folder``, 0400 of ``owner``; whether anything was different before.

    Raises OSError and leaves what was there. The folder may belong to somebody less trusted than the caller: it is
    opened once, and no link in it is followed.
    """
    with opened(os.open(folder, FOLDER)) as handle:
        former = _linked(handle)
        content = chain.rstrip(b"\n") + b"\n" + key
        if former == content:
            _own(handle, owner)
            return False
        if former is None:
            _link(handle, _plain(handle), owner)
        _put(handle, content, owner)
        _link(handle, None, owner)
        return True


def _linked(handle: int) -> bytes | None:
    """What is in the pair, or ``None`` where there is none with both links."""
    with contextlib.suppress(OSError):
        if all(os.readlink(name, dir_fd=handle) == _PAIR for name in _NAMES):
            return _read(handle, _PAIR)
    return None


def _plain(handle: int) -> bytes | None:
    """Two files of their own as one, before links take their place."""
    with contextlib.suppress(OSError):
        return b"".join(_read(handle, name).rstrip(b"\n") + b"\n" for name in _NAMES)
    return None


def _link(handle: int, content: bytes | None, owner: Owner | None) -> None:
    """Make both names links to the pair; ``content`` is what they hold now, so that each step leaves a whole pair."""
    if content is not None:
        _put(handle, content, owner)
    elif not exists(_PAIR, handle):
        return
    for name in _NAMES:
        with contextlib.suppress(OSError):
            if os.readlink(name, dir_fd=handle) == _PAIR:
                continue
        candidate = f".{name}.new"
        _remove(handle, candidate)
        os.symlink(_PAIR, candidate, dir_fd=handle)
        os.rename(candidate, name, src_dir_fd=handle, dst_dir_fd=handle)
    os.fsync(handle)


def _put(handle: int, content: bytes, owner: Owner | None) -> None:
    _remove(handle, _NEW)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(_NEW, flags, 0o400, dir_fd=handle), "wb") as file:
            file.write(content)
            file.flush()
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), 0o400)
            os.fsync(file.fileno())
        os.rename(_NEW, _PAIR, src_dir_fd=handle, dst_dir_fd=handle)
    except BaseException:
        _remove(handle, _NEW)
        raise
    os.fsync(handle)


def _own(handle: int, owner: Owner | None) -> None:
    with opened(os.open(_PAIR, _READ, dir_fd=handle)) as file:
        found = os.fstat(file)
        if owner is not None and (found.st_uid, found.st_gid) != owner:
            os.fchown(file, *owner)


def _read(handle: int, name: str) -> bytes:
    with os.fdopen(os.open(name, _READ, dir_fd=handle), "rb") as file:
        return file.read()


def _remove(handle: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=handle)
