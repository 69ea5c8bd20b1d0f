"""Access lists and extended attributes of a file, as one text that is the same here and over there.

May live here: reading them from a living file and from one that ``rsync --fake-super`` stored, and the text's hash. May
not: anything else of a manifest's line.

What is kept of a living file: its access lists, ``user.*``, and Samba's ``security.NTACL``. Not ``user.rsync.*``:
whoever may set that on a file of his own could give himself any attribute at a restore (``security.capability``).
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass

NOTHING = "-"
FILTERS = ("+x security.NTACL", "-x user.rsync.*", "+x user.*", "-x *")
"""What ``rsync --filter`` must be told, in this order, so that it carries just the attributes that are kept."""

_NTACL = "security.NTACL"
_OURS = "user.rsync."
_STAT, _ACCESS, _DEFAULT = (f"{_OURS}%{name}" for name in ("stat", "aacl", "dacl"))
STORED_NAMES = frozenset({_STAT, _ACCESS, _DEFAULT, f"{_OURS}{_NTACL}"})
"""The only names below ``user.rsync.`` that a stored file may have."""

_NO_ENTRY = 0x80  # rsync's word for an entry that the mode says
_NAMED_USER = 1 << 31
_VERSION = 2  # of Linux' own form, acl(5)
_TAGS = {0x01: "user", 0x04: "group", 0x10: "mask", 0x20: "other"}
_NAMED = {0x02: "u", 0x08: "g"}


@dataclass(frozen=True, slots=True)
class AccessList:
    """An access list, POSIX.1e: rights 0..7; ``mask`` is None where there is none; ``named``: (u or g, id, 0..7)."""

    user: int
    group: int
    mask: int | None
    other: int
    named: tuple[tuple[str, int, int], ...] = ()

    def __str__(self) -> str:
        mask = "-" if self.mask is None else self.mask
        named = "".join(f" {kind}:{number}:{rights}" for kind, number, rights in sorted(self.named))
        return f"{self.user} {self.group} {mask} {self.other}{named}"


@dataclass(frozen=True, slots=True)
class Attributes:
    """All that a file has besides its ``stat``; ``xattrs`` by the names of a living file."""

    access: AccessList | None
    default: AccessList | None
    xattrs: Mapping[str, bytes]

    def digest(self) -> str:
        """The first 32 hex digits of the canonical text's SHA-256, or ``-`` where there is nothing to say."""
        if self.access is None and self.default is None and not self.xattrs:
            return NOTHING
        return hashlib.sha256(canonical(self.access, self.default, self.xattrs)).hexdigest()[:32]


def canonical(access: AccessList | None, default: AccessList | None, xattrs: Mapping[str, bytes]) -> bytes:
    """Give the one text of these attributes: nothing in it depends on an order or on where they are kept."""
    text = [f"{name} {found}\n".encode() for name, found in (("access", access), ("default", default)) if found]
    for name in sorted(xattrs, key=os.fsencode):
        raw = os.fsencode(name)
        text.append(b"xattr %d %s %d %s\n" % (len(raw), raw, len(xattrs[name]), xattrs[name]))
    return b"".join(text)


def of_living(path: str | bytes | int) -> Attributes:
    """Read a file where it lives (a path, of which the last part is not followed, or a descriptor); raises OSError."""
    access = default = None
    xattrs = {}
    for name in _names(path):
        if name == "system.posix_acl_access":
            access = _essential(linux_list(_value(path, name)))
        elif name == "system.posix_acl_default":
            default = linux_list(_value(path, name))
        elif name == _NTACL or (name.startswith("user.") and not name.startswith(_OURS)):
            xattrs[name] = _value(path, name)
    return Attributes(access, default, xattrs)


def of_stored(path: str | bytes | int, mode: int) -> Attributes:
    """Read a file that ``rsync --fake-super`` stored, ``mode`` being its living one; raises OSError.

    A list that no rsync writes is given as an attribute, so that it equals nothing that lives.
    """
    access = default = None
    xattrs = {}
    for name in _names(path):
        if name == _STAT or not name.startswith("user."):
            continue
        value = _value(path, name)
        try:
            if name == _ACCESS:
                access = _essential(rsync_list(value, mode))
                continue
            if name == _DEFAULT:
                default = rsync_list(value, None)
                continue
        except ValueError:
            pass
        xattrs[name.removeprefix(_OURS) if not name.startswith(f"{_OURS}%") else name] = value
    return Attributes(access, default, xattrs)


def linux_list(value: bytes) -> AccessList:
    """Read ``system.posix_acl_access`` or ``_default``; raises ValueError."""
    if len(value) % 8 != 4 or struct.unpack_from("<I", value)[0] != _VERSION:
        raise ValueError("no access list of Linux'")
    found: dict[str, int] = {}
    named = []
    for tag, rights, number in struct.iter_unpack("<HHI", value[4:]):
        if tag in _NAMED:
            named.append((_NAMED[tag], number, rights & 7))
        elif tag in _TAGS:
            found[_TAGS[tag]] = rights & 7
        else:
            raise ValueError("no access list of Linux'")
    return AccessList(
        found.get("user", 0), found.get("group", 0), found.get("mask"), found.get("other", 0), tuple(sorted(named))
    )


def rsync_list(value: bytes, mode: int | None) -> AccessList:
    """Read ``%aacl`` (``mode``: of that file, for what it leaves to it) or ``%dacl`` (None); raises ValueError."""
    if len(value) < 16 or len(value) % 8:
        raise ValueError("no access list of rsync's")
    user, group, mask, other = struct.unpack_from("<IIII", value)
    bits = mode or 0
    named = [
        ("u" if rights & _NAMED_USER else "g", number, rights & 7)
        for number, rights in struct.iter_unpack("<II", value[16:])
    ]
    return AccessList(
        bits >> 6 & 7 if user == _NO_ENTRY else user & 7,
        bits >> 3 & 7 if group == _NO_ENTRY else group & 7,
        (bits >> 3 & 7 if named else None) if mask == _NO_ENTRY else mask & 7,
        bits & 7 if other == _NO_ENTRY else other & 7,
        tuple(sorted(named)),
    )


def _essential(found: AccessList) -> AccessList | None:
    """A list that says no more than the mode is none."""
    return None if found.mask is None and not found.named else found


def _names(path: str | bytes | int) -> list[str]:
    return os.listxattr(path) if isinstance(path, int) else os.listxattr(path, follow_symlinks=False)


def _value(path: str | bytes | int, name: str) -> bytes:
    return os.getxattr(path, name) if isinstance(path, int) else os.getxattr(path, name, follow_symlinks=False)
