"""The manifest and the dump that a school's server sent: read once, with bounds, from a folder that may hold anything.

May live here: reading ``manifest/`` of what was taken, writing them into the snapshot. May not: the files that the
manifest tells of.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from appliance.backup_server import store, tree
from appliance.backup_server.adopt import Adopter
from appliance.backup_server.base import Base, Lacking, Unit, lacking_text
from appliance.backup_server.lines import UNSTEADY, hash_of
from appliance.backup_server.manifest import MOST_BYTES, Entry, Index, ManifestError, Section, digest
from appliance.backup_server.store import Place

_LONGEST_SIGNATURE = 16 * 1024
_LONGEST_HEAD = 4096
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Given:
    """``taken``: the open folder of what was sent; ``raw``: the index as it was signed."""

    taken: int
    index: Index
    raw: bytes
    signature: bytes

    @classmethod
    def read(cls, taken: int, school: str, newest: str | None) -> Given:
        """Read the index; it must be this school's, and build on nothing or on the ``newest`` snapshot.

        Raises :class:`ManifestError`, OSError.
        """
        raw = _file(taken, "manifest", "index", MOST_BYTES)
        signature = _file(taken, "manifest", "index.sig", _LONGEST_SIGNATURE)
        index = Index.decode(raw)
        if index.school != school:
            raise ManifestError("an index of another school")
        if index.base not in (None, newest):
            raise ManifestError("an index that builds on another snapshot than the newest; begin again")
        return cls(taken, index, raw, signature)

    def unit(self, name: str, base: Base) -> Unit:
        """Which unit the section ``name`` is of; raises :class:`ManifestError`."""
        unit = base.of_section.get(name)
        if unit is None:
            head = _file(self.taken, "manifest/sections", name, MOST_BYTES, _LONGEST_HEAD).partition(b"\n")[0]
            section = Section.trusted(head + b"\n")
            unit = section.part, section.unit
        if (unit[0], name) not in self.index.sections:
            raise ManifestError("a section of another part than the index says")
        return unit

    def section(self, name: str, unit: Unit, base: Base, target: int, held: Collection[bytes]) -> Section:
        """The section ``name``, which is of ``unit``; a new one is checked and written into the snapshot ``target``.

        ``held``: the base's lines of the unit.
        """
        if name in base.of_section:
            return base.section(name)
        data = _file(self.taken, "manifest/sections", name, MOST_BYTES)
        if digest(data) != name:
            raise ManifestError("a section with another content than the index says")
        section = Section.decode(data, held)
        if (section.part, section.unit) != unit:
            raise ManifestError("a section that changed while it was read")
        _write(target, f"sections/{name}", data)
        return section

    def write(self, target: int, base: Base, lacking: Lacking) -> None:
        """Make the rest of the manifest in the snapshot ``target``; sections of the base are linked."""
        wanted = {name for _, name in self.index.sections}
        with tree.entered(target, b"sections") as sections:
            assert sections is not None  # noqa: S101 - it was made before
            there = set(tree.names(sections))
            for name in there - wanted:
                os.unlink(name, dir_fd=sections)
            for name in wanted - there:
                if base.path is None:
                    raise ManifestError("a section that was not sent")
                os.link(base.path / "sections" / name, name, dst_dir_fd=sections, follow_symlinks=False)
        for name, content in (
            ("index", self.raw),
            ("index.sig", self.signature),
            ("lacking", lacking_text(lacking)),
        ):
            _write(target, name, content)

    def dump(self, adopter: Adopter, place: Place) -> Path | None:
        """Take the sealed dump into ``work``, if the index says that there is one."""
        if self.index.dump is None:
            return None
        entry = Entry("f", store.FILE, 0, 0, 0, 0, UNSTEADY, "-", b"dump.age")
        work = os.open(place.work, tree.INTO)
        try:
            with tree.entered(self.taken, b"manifest") as folder:
                if folder is None or not adopter.file(folder, entry.path, work, entry):
                    raise ManifestError("the dump that the index tells of was not sent")
            held = os.open(entry.path, _READ, dir_fd=work)
            try:
                if hash_of(held) != self.index.dump:
                    raise ManifestError("another dump than the index says")
            finally:
                os.close(held)
        finally:
            os.close(work)
        return place.work / os.fsdecode(entry.path)


def _file(taken: int, folder: str, name: str, most: int, wanted: int | None = None) -> bytes:
    """A plain file of what was sent, of ``most`` bytes; only the first ``wanted``, if that is said."""
    with tree.entered(taken, os.fsencode(folder)) as held:
        if held is None:
            raise ManifestError("a manifest that was not sent whole")
        try:
            descriptor = os.open(name, _READ, dir_fd=held)
        except OSError as error:
            raise ManifestError("a manifest that was not sent whole") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise ManifestError("a manifest with a file that is too long, or none")
        return file.read(min(most, found.st_size) if wanted is None else wanted)


def _write(target: int, name: str, content: bytes) -> None:
    """A new file in an open folder, in the place of an old one of the base's."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=target)
    with os.fdopen(os.open(name, _WRITE, store.FILE, dir_fd=target), "wb") as file:
        file.write(content)
