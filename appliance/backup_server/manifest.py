"""The manifest of a snapshot: an index of sections, and in each section a line per entry. Pure: text, nothing else.

May live here: the two formats, strictly. May not: files, keys, what is done about a difference. A section's first
line is JSON, then ``TYPE MODE UID GID MTIME_NS SIZE CONTENT ATTRS PATH`` per entry, sorted by path. Whatever is read
here may come from a school's server that was broken into.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from appliance.backup_server.names import SCHOOL, SNAPSHOT

PARTS = ("homes", "groups", "mail", "audit")
MOST_BYTES = 256 * 1024 * 1024
"""The longest section, and the longest index."""

_MOST_LINES = 1_000_000
_MOST_SECTIONS = 100_000
_MOST_PATH = 4000
_FORMAT = 1
_NAME = rb"(?!\.{0,2}(?:/|\Z))[^/\0\n\\]*(?:\\[\\n][^/\0\n\\]*)*"
_LINE = re.compile(
    rb"([fdlpsbc]) ([0-7]{1,4}) ([0-9]{1,10}) ([0-9]{1,10}) (-?[0-9]{1,28}) ([0-9]{1,19})"
    rb" ([0-9a-f]{64}|[-?]) ([0-9a-f]{32}|-) (\.|" + _NAME + rb"(?:/" + _NAME + rb")*)"
)
_UNIT = re.compile(r"[^/\0\n\\]{1,255}")
_PUT_ASIDE = ".former-"
_SALT = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


_SECTION_LINE = re.compile(r"([a-z]+) ([0-9a-f]{64})", re.ASCII)
_MADE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|\+00:00)", re.ASCII)


class ManifestError(ValueError):
    """What was read is no manifest; the text says why, and names nobody."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder, link, pipe, socket or device.

    ``kind``: f d l p s b c; ``mode``: its permissions, up to 0o7777; ``content``: SHA-256 in hex of a file's bytes or a
    link's target, ``-`` for the others, ``?`` for what did not hold still; ``attributes``: :meth:`Attributes.digest`;
    ``path``: below the unit, ``.`` for the unit itself.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int
    content: str
    attributes: str
    path: bytes

    def line(self) -> bytes:
        """Its line, without the end of line."""
        said = (
            f"{self.kind} {self.mode:o} {self.uid} {self.gid} {self.mtime_ns} {self.size}"
            f" {self.content} {self.attributes} "
        )
        return said.encode("ascii") + escaped(self.path)

    @classmethod
    def read(cls, line: bytes) -> Entry:
        """Read a line without its end; raises :class:`ManifestError`."""
        found = _LINE.fullmatch(line)
        if not found:
            raise ManifestError("a line that is none")
        kind, mode, uid, gid, mtime_ns, size, content, attributes, path = found.groups()
        return cls(
            kind.decode(),
            int(mode, 8),
            int(uid),
            int(gid),
            int(mtime_ns),
            int(size),
            content.decode(),
            attributes.decode(),
            unescaped(path),
        )


def escaped(path: bytes) -> bytes:
    """A path as it stands in a line."""
    return path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n") if b"\\" in path or b"\n" in path else path


def unescaped(text: bytes) -> bytes:
    """The path that a line says."""
    if b"\\" not in text:
        return text
    return re.sub(rb"\\(.)", lambda found: b"\n" if found[1] == b"n" else found[1], text, flags=re.DOTALL)


def path_of(line: bytes) -> bytes:
    """The path of a line that was checked, and nothing else of it."""
    return unescaped(line.split(b" ", 8)[8])


@dataclass(frozen=True, slots=True)
class Section:
    """A unit's part of the manifest: the folder ``unit`` of ``part`` (``.``: the part itself).

    ``uid``: of whom it is over there, or None; ``salt``: 32 hex digits, kept as long as the unit lives; ``lines``:
    without ends of line, sorted by path, the unit's own (``.``) first.
    """

    part: str
    unit: str
    uid: int | None
    salt: str
    lines: tuple[bytes, ...]

    @classmethod
    def of(cls, part: str, unit: str, uid: int | None, salt: str, entries: Iterable[Entry]) -> Section:
        """Put the lines of ``entries`` in order."""
        ordered = sorted(entries, key=lambda entry: (entry.path != b".", entry.path))
        return cls(part, unit, uid, salt, tuple(entry.line() for entry in ordered))

    def encode(self) -> bytes:
        """Its bytes, of which :func:`digest` is the name."""
        head = {"part": self.part, "unit": self.unit, "uid": self.uid, "salt": self.salt}
        return b"\n".join((_json(head), *self.lines, b""))

    @classmethod
    def decode(cls, data: bytes, checked: Collection[bytes] = ()) -> Section:
        """Read and check it, every line of it; raises :class:`ManifestError`.

        ``checked``: lines that are right by themselves, since they stood in another section that was checked.
        """
        section = cls.trusted(data)
        lines = section.lines
        if not lines:
            raise ManifestError("a section without a line")
        folders = set()
        before = b""
        for number, line in enumerate(lines):
            if line not in checked and not _LINE.fullmatch(line):
                raise ManifestError("a line that is none")
            path = path_of(line)
            folder, _, name = path.rpartition(b"/")
            if number == 0:
                if path != b"." or line[:1] not in b"df":
                    raise ManifestError("a section whose first line is not its unit's")
            elif path <= before or path == b"." or len(path) > _MOST_PATH or len(name) > 255:
                raise ManifestError("paths that are not in order, or too long")
            elif folder not in folders:
                raise ManifestError("a file in no folder")
            if line.startswith(b"d "):
                folders.add(b"" if number == 0 else path)
            before = b"" if number == 0 else path
        return section

    @classmethod
    def trusted(cls, data: bytes) -> Section:
        """Read one that was checked before: only its first line is; raises :class:`ManifestError`."""
        if len(data) > MOST_BYTES or not data.endswith(b"\n") or data.count(b"\n") > _MOST_LINES + 1:
            raise ManifestError("a section that is too long, or cut off")
        head, *lines = data[:-1].split(b"\n")
        found = _object(head, {"part", "unit", "uid", "salt"})
        part, unit, uid, salt = found["part"], found["unit"], found["uid"], found["salt"]
        if part not in PARTS or not isinstance(unit, str) or not good_unit(unit):
            raise ManifestError("a section of an unknown part, or of a unit with a strange name")
        if not (uid is None or (type(uid) is int and 0 <= uid < 1 << 32)):
            raise ManifestError("a section of a strange uid")
        if not (isinstance(salt, str) and _SALT.fullmatch(salt)):
            raise ManifestError("a section without salt")
        return cls(part, unit, uid, salt, tuple(lines))


def good_unit(name: str) -> bool:
    """Whether this may be the name of a unit: one folder's, or ``.`` alone.

    It does not begin with a dot, but for one that was put aside until it is deleted for good.
    """
    try:
        fits = len(name.encode()) <= 255
    except UnicodeEncodeError:
        return False
    return name == "." or (
        fits and (not name.startswith(".") or name.startswith(_PUT_ASIDE)) and bool(_UNIT.fullmatch(name))
    )


def digest(data: bytes) -> str:
    """The name of a section or an index: SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Index:
    """What a snapshot consists of: pairs of a part and the name of a section; no names of people.

    ``made``: ISO moment in UTC; ``base``: the snapshot that it was compared with; ``dump``: SHA-256 of the sealed dump.
    """

    school: str
    made: str
    base: str | None
    dump: str | None
    sections: frozenset[tuple[str, str]]

    def encode(self) -> bytes:
        """Its bytes, which are signed."""
        head = {"format": _FORMAT, "school": self.school, "made": self.made, "base": self.base, "dump": self.dump}
        return b"\n".join((_json(head), *(f"{part} {name}".encode() for part, name in sorted(self.sections)), b""))

    @classmethod
    def decode(cls, data: bytes) -> Index:
        """Read and check it; raises :class:`ManifestError`."""
        if len(data) > MOST_BYTES or not data.endswith(b"\n") or data.count(b"\n") > _MOST_SECTIONS + 1:
            raise ManifestError("an index that is too long, or cut off")
        head, *lines = data[:-1].split(b"\n")
        found = _object(head, {"format", "school", "made", "base", "dump"})
        if found["format"] != _FORMAT or type(found["format"]) is not int:
            raise ManifestError("an index of another format; are both sides of the same version?")
        for key, form, needed in (
            ("school", SCHOOL, True),
            ("made", _MADE, True),
            ("base", SNAPSHOT, False),
            ("dump", _DIGEST, False),
        ):
            value = found[key]
            if not (value is None and not needed) and not (isinstance(value, str) and form.fullmatch(value)):
                raise ManifestError(f"an index with a strange {key}")
        matches = [_SECTION_LINE.fullmatch(line.decode("ascii", "replace")) for line in lines]
        sections = [(match[1], match[2]) for match in matches if match]
        if len(sections) != len(lines) or any(part not in PARTS for part, _ in sections):
            raise ManifestError("an index with a line that is none")
        if any(one >= other for one, other in pairwise(sections)):
            raise ManifestError("an index that is not in order")
        return cls(found["school"], found["made"], found["base"], found["dump"], frozenset(sections))


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode("ascii")


def _object(line: bytes, keys: set[str]) -> dict[str, Any]:
    if len(line) > _MOST_PATH:
        raise ManifestError("a first line that is too long")
    try:
        found = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise ManifestError("a first line that is not JSON") from error
    if not isinstance(found, dict) or set(found) != keys:
        raise ManifestError("a first line with other words")
    return found
