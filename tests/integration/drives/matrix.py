"""The one table of who may do what in the drives (K05), and how a protocol is held against it.

May live here: the table, trying one cell through a :class:`Door`, the table as the handbook has it. May not: a
protocol. Each brings a door: one signed-in person there, whose seven methods raise :class:`Refused`. A "no" counts only
if nothing changed on the disk, and a "yes" only if it did.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from appliance.policy.account import Account, Group, GroupKind, Role
from tests.integration.support_parts import person

FRED, GINA, FRIDA, KLAUS = "fred.mustermann", "gina.musterfrau", "frida.lehrer", "klaus.lehrer"
GROUPS: Final = {
    "klasse3a": Group("klasse3a", GroupKind.CLASS, 30001),
    "klasse3b": Group("klasse3b", GroupKind.CLASS, 30002),
    "kollegium": Group("kollegium", GroupKind.STAFF, 30003),
}
PEOPLE: Final[Mapping[str, Account]] = {
    one.login: one
    for one in (
        person(FRED, 20000, Role.PUPIL, groups=("klasse3a",)),
        person("hanna.muster", 20003, Role.PUPIL, groups=("klasse3a",)),
        person(FRIDA, 20002, Role.TEACHER, groups=("klasse3a", "kollegium")),
        person(GINA, 20001, Role.PUPIL, groups=("klasse3b",)),
        person(KLAUS, 20004, Role.TEACHER, groups=("klasse3b", "kollegium")),
        person("ada.verwalter", 20005, Role.ADMIN),
    )
}


class Who(Enum):
    """Somebody, seen from the file of Fred (or, among the staff, of Frida): login and what the handbook calls him."""

    OWNER = (FRED, "this pupil")
    MEMBER = ("hanna.muster", "another of the class")
    TEACHER = (FRIDA, "a teacher of the class")
    PUPIL = (GINA, "another pupil")
    COLLEAGUE = (KLAUS, "another teacher")
    ADMIN = ("ada.verwalter", "an administrator")

    @property
    def account(self) -> Account:
        return PEOPLE[self.value[0]]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder on the disk in which a file ``essay`` of ``owner`` and an empty ``folder`` lie; ``share`` is its top."""

    title: str
    area: str
    name: str
    share: str
    owner: str

    def on(self, data: Path) -> Path:
        return data / self.area / self.name

    @property
    def ids(self) -> tuple[int, int]:
        """Owner and group of what lies in it."""
        uid = PEOPLE[self.owner].uid
        return uid, uid if self.area == "homes" else GROUPS[self.name].gid


HOME = Place("a pupil's file in his home", "homes", FRED, "Home", FRED)
CLASS = Place("a pupil's file in the folder of a class, course or club", "groups", "klasse3a", "Groups/klasse3a", FRED)
STAFF = Place("a teacher's file in the folder of the staff", "groups", "kollegium", "Staff", FRIDA)
PLACES: Final = (HOME, CLASS, STAFF)


class Refused(Exception):
    """The protocol said no."""


class Door(Protocol):
    """One person, signed in over one protocol; paths are ``essay`` and the like, below ``place``. All may refuse."""

    def names(self, place: Place) -> set[str]: ...
    def read(self, place: Place, name: str) -> bytes: ...
    def write(self, place: Place, name: str, content: bytes) -> None: ...
    def remove(self, place: Place, name: str) -> None: ...
    def rename(self, place: Place, old: str, new: str) -> None: ...
    def make_folder(self, place: Place, name: str) -> None: ...
    def remove_folder(self, place: Place, name: str) -> None: ...


class What(Enum):
    """What somebody may do, as the handbook calls it."""

    LIST = "list"
    READ = "read"
    CHANGE = "change"
    CREATE = "create"
    DELETE = "delete"
    RENAME = "rename"
    FOLDER = "make and remove folders"


ALL: Final = frozenset(What)
NOTHING: Final[frozenset[What]] = frozenset()
RIGHTS: Final[Mapping[Place, Mapping[Who, frozenset[What]]]] = {
    HOME: {who: ALL if who is Who.OWNER else NOTHING for who in Who},
    CLASS: {who: ALL if who in (Who.OWNER, Who.MEMBER, Who.TEACHER) else NOTHING for who in Who},
    STAFF: {who: ALL if who in (Who.TEACHER, Who.COLLEAGUE) else NOTHING for who in Who},
}
"""The table. An administrator has no rights of his own in it: he gives files back (restore), which is recorded."""


def hold(door: Door, place: Place, who: Who, data: Path) -> None:
    """Hold one row and column of the table against ``door``, at which ``who`` is signed in; ``data`` is its disk."""
    for what in What:
        lay_out(place, data)
        before = _seen(place.on(data))
        done = _TRIES[what](door, place)
        after = _seen(place.on(data))
        expected = what in RIGHTS[place][who]
        assert done is expected, f"{who.name} may {what.value} in {place.title}: {done}"
        if what in (What.LIST, What.READ) or not expected:
            assert after == before, f"{who.name}: {what.value} in {place.title} changed something"
        else:
            assert after != before, f"{who.name}: {what.value} in {place.title} changed nothing"
        if place.area == "groups":
            for path in place.on(data).rglob("*"):
                _belongs_to_all(path, place)


def lay_out(place: Place, data: Path) -> None:
    """Put just the two things into the place."""
    folder = place.on(data)
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (folder / "essay").write_bytes(b"before")
    (folder / "folder").mkdir()
    for path, mode in ((folder / "essay", 0o660), (folder / "folder", 0o2770)):
        if os.geteuid() == 0:
            os.chown(path, *place.ids)
        path.chmod(mode)


def render() -> str:
    """Give the table as it stands in the handbook (Markdown)."""
    heads = [who.value[1] for who in Who]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for place, rights in RIGHTS.items():
        cells = [_cell(rights[who]) for who in Who]
        lines.append(f"| {place.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(rights: frozenset[What]) -> str:
    if rights in (ALL, NOTHING):
        return "everything" if rights else "nothing"
    return ", ".join(what.value for what in What if what in rights)


def _belongs_to_all(path: Path, place: Place) -> None:
    found = path.lstat()
    wanted = 0o770 if stat.S_ISDIR(found.st_mode) else 0o660
    assert found.st_mode & 0o777 == wanted, f"{path.name} has mode {stat.S_IMODE(found.st_mode):o}"
    if os.geteuid() == 0:
        assert found.st_gid == place.ids[1]


def _seen(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def _says_yes(act: Callable[[], object]) -> bool:
    try:
        act()
    except Refused:
        return False
    return True


def _list(door: Door, place: Place) -> bool:
    try:
        return {"essay", "folder"} <= door.names(place)
    except Refused:
        return False


def _read(door: Door, place: Place) -> bool:
    try:
        return door.read(place, "essay") == b"before"
    except Refused:
        return False


def _folders(door: Door, place: Place) -> bool:
    made = _says_yes(lambda: door.make_folder(place, "new-folder"))
    removed = _says_yes(lambda: door.remove_folder(place, "folder"))
    assert made is removed
    return made


_TRIES: Final[Mapping[What, Callable[[Door, Place], bool]]] = {
    What.LIST: _list,
    What.READ: _read,
    What.CHANGE: lambda door, place: _says_yes(lambda: door.write(place, "essay", b"after")),
    What.CREATE: lambda door, place: _says_yes(lambda: door.write(place, "new", b"new")),
    What.DELETE: lambda door, place: _says_yes(lambda: door.remove(place, "essay")),
    What.RENAME: lambda door, place: _says_yes(lambda: door.rename(place, "essay", "renamed")),
    What.FOLDER: _folders,
}
