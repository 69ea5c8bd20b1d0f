"""What is found in a snapshot that lies here, and what is no fault; it is made by hand, as rsync stores it."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.backup_server.faults import slice_of
from appliance.backup_server.lines import line_of_stored
from appliance.backup_server.manifest import Entry, Index, ManifestError, Section, digest
from appliance.backup_server.stored import places
from appliance.backup_server.verify import verify

SALT = "00112233445566778899aabbccddeeff"
TIME = 1_600_000_000_000_000_123
NAMES = st.binary(min_size=1, max_size=3).filter(lambda name: not set(name) & set(b"/\0") and name not in (b".", b".."))
TREES = st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=25)
OWNER = (20001, 20002)


class Snapshot:
    """A snapshot with one home; each fault is put in by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "homes" / "fred"
        self.entries: list[Entry] = []
        self.name = ""
        (folder / "sections").mkdir(parents=True)
        self.put("homes/fred", None)
        self.put("homes/fred/Mathe", None)
        self.put("homes/fred/Mathe/Brief", b"words")
        self.put("homes/fred/Mathe-2", b"more words")
        self.put("homes/fred/leer", b"")
        self.put(b"homes/fred/\xff\xfe\n\\", b"no UTF-8")
        self.seal()

    def path(self, path: str | bytes) -> bytes:
        return os.path.join(os.fsencode(self.folder), os.fsencode(path))

    def put(self, path: str | bytes, content: bytes | None, mode: int = 0o640) -> None:
        """Store a file (``None``: a folder) and remember its line."""
        there = self.path(path)
        if content is None:
            os.makedirs(there)
        else:
            Path(os.fsdecode(there)).write_bytes(content)
        kind = 0o040000 if content is None else 0o100000
        os.setxattr(there, "user.rsync.%stat", b"%o 0,0 %d:%d" % (kind | mode, *OWNER))
        inner = os.fsencode(path).partition(b"/fred")[2].removeprefix(b"/") or b"."
        size, hashed = (0, "-") if content is None else (len(content), hashlib.sha256(content).hexdigest())
        self.entries.append(Entry("d" if content is None else "f", mode, *OWNER, TIME, size, hashed, "-", inner))

    def seal(self, unit: str = "fred", more: tuple[tuple[str, str], ...] = ()) -> None:
        """Write section and index, and set every time."""
        section = Section.of("homes", unit, OWNER[0], SALT, self.entries).encode()
        self.name = digest(section)
        (self.folder / "sections" / self.name).write_bytes(section)
        index = Index("park", "2026-11-22T01:02:03Z", None, None, frozenset({("homes", self.name), *more}))
        (self.folder / "index").write_bytes(index.encode())
        self.settle()

    def settle(self) -> None:
        for entry in reversed(self.entries):
            os.utime(self.path(b"homes/fred/" + entry.path), ns=(TIME, TIME))

    def paths(self) -> list[bytes]:
        return sorted((entry.path for entry in self.entries), key=lambda path: (path != b".", path))

    def found(self, of: int = 1) -> list[tuple[str, str]]:
        """Path and fault of each difference, and the sums agree."""
        said = []
        sums = [verify(self.folder, number, of, said.append) for number in range(of)]
        differences = [line for line in said if "fault" in line]
        counted = sum(sum(sum(kinds.values()) for kinds in one["faults"].values()) for one in sums)
        assert counted == len(differences)
        return [(line["path"], line["fault"]) for line in differences]


@pytest.fixture
def snapshot(tmp_path):
    return Snapshot(tmp_path / "snapshots" / "2026-11-22T010203")


def test_what_is_as_it_was_signed_is_no_fault(snapshot):
    said = []
    sums = verify(snapshot.folder, 0, 1, said.append)
    assert said == []
    assert sums == {
        "checked": 6,
        "bytes": 23,
        "units": 1,
        "index": digest((snapshot.folder / "index").read_bytes()),
        "faults": {},
    }


def test_a_flipped_bit(snapshot):
    path = snapshot.home / "Mathe" / "Brief"
    path.write_bytes(b"wores")
    snapshot.settle()
    assert snapshot.found() == [("Mathe/Brief", "content")]


def test_a_file_that_was_cut(snapshot):
    os.truncate(snapshot.home / "Mathe-2", 4)
    snapshot.settle()
    assert snapshot.found() == [("Mathe-2", "size")]


def test_an_owner_and_a_mode_that_were_changed(snapshot):
    os.setxattr(snapshot.home / "leer", "user.rsync.%stat", b"100644 0,0 0:20002")
    assert snapshot.found() == [("leer", "owner"), ("leer", "mode")]


def test_a_file_whose_owner_is_no_longer_written_down(snapshot):
    os.removexattr(snapshot.home / "Mathe", "user.rsync.%stat")
    assert ("Mathe", "owner") in snapshot.found()


def test_an_access_list_and_another_attribute(snapshot):
    access = bytes.fromhex("0600000004000000070000000000000021 4e0000 04000080".replace(" ", ""))
    os.setxattr(snapshot.home / "leer", "user.rsync.%aacl", access)
    os.setxattr(snapshot.home / "Mathe", "user.comment", b"x")
    assert snapshot.found() == [("Mathe", "attrs"), ("leer", "attrs")]


def test_missing_and_too_much(snapshot):
    shutil.rmtree(snapshot.home / "Mathe")
    (snapshot.home / "Mathe+").write_bytes(b"")
    os.utime(snapshot.home, ns=(TIME, TIME))
    assert snapshot.found() == [
        ("Mathe", "missing"),
        ("Mathe+", "extra"),
        ("Mathe/Brief", "missing"),
    ]


def test_another_time_and_another_type(snapshot):
    os.utime(snapshot.home / "leer", ns=(TIME, TIME + 1))
    os.setxattr(snapshot.home / "Mathe-2", "user.rsync.%stat", b"120777 0,0 20001:20002")
    assert snapshot.found() == [("Mathe-2", "type"), ("leer", "time")]


def test_a_real_link_is_not_followed(snapshot):
    (snapshot.home / "leer").unlink()
    (snapshot.home / "leer").symlink_to("/etc/passwd")
    os.utime(snapshot.home, ns=(TIME, TIME))
    assert snapshot.found() == [("leer", "type")]


def test_a_whole_home_that_is_missing_or_too_much(snapshot):
    snapshot.home.rename(snapshot.home.with_name("frida"))
    said = []
    verify(snapshot.folder, 0, 1, said.append)
    missing = [("fred", path.decode("utf-8", "surrogateescape"), "missing") for path in snapshot.paths()]
    assert [(one["unit"], one["path"], one["fault"]) for one in said] == [*missing, ("frida", ".", "extra")]


@pytest.mark.parametrize("damage", ["cut", "gone", "changed"])
def test_a_section_that_is_not_as_it_was_signed(snapshot, damage):
    section = snapshot.folder / "sections" / snapshot.name
    if damage == "gone":
        section.unlink()
    else:
        data = section.read_bytes()
        section.write_bytes(data[:-9] if damage == "cut" else data.replace(b"20001", b"20003"))
    assert snapshot.found() == [(".", "section")]
    shutil.rmtree(snapshot.home)
    assert snapshot.found() == [(".", "section")]


def test_sections_of_who_was_forgotten_are_no_fault(snapshot):
    (snapshot.folder / "sections" / snapshot.name).unlink()
    shutil.rmtree(snapshot.home)
    (snapshot.folder.parent.parent / "forgotten").write_text(f"{snapshot.name}\n")
    assert snapshot.found() == []


def test_what_never_arrived_is_known_and_no_fault(snapshot):
    (snapshot.home / "leer").unlink()
    os.utime(snapshot.home, ns=(TIME, TIME))
    line = next(entry for entry in snapshot.entries if entry.path == b"leer").line()
    (snapshot.folder / "lacking").write_bytes(b"%s %s\n" % (snapshot.name.encode(), line))
    assert snapshot.found() == []


def test_what_did_not_hold_still_is_there_and_not_compared(snapshot):
    changed = next(entry for entry in snapshot.entries if entry.path == b"leer")
    snapshot.entries[snapshot.entries.index(changed)] = Entry("f", 0o640, *OWNER, 1, 99, "?", "-", b"leer")
    snapshot.seal()
    assert snapshot.found() == []
    (snapshot.home / "leer").unlink()
    os.utime(snapshot.home, ns=(TIME, TIME))
    assert snapshot.found() == [("leer", "missing")]


def test_a_line_that_is_none_makes_its_section_a_fault(snapshot):
    section = snapshot.folder / "sections" / snapshot.name
    data = section.read_bytes() + b"x 0 nothing\n"
    section.unlink()
    (snapshot.folder / "sections" / digest(data)).write_bytes(data)
    index = Index("park", "2026-11-22T01:02:03Z", None, None, frozenset({("homes", digest(data))}))
    (snapshot.folder / "index").write_bytes(index.encode())
    assert snapshot.found() == [(".", "section")]


def test_every_unit_is_in_one_slice(snapshot):
    (snapshot.home / "leer").write_bytes(b"x")
    snapshot.settle()
    said = []
    for number in range(4):
        sums = verify(snapshot.folder, number, 4, said.append)
        assert sums["units"] == (slice_of("homes/fred", 4) == number)
    assert [one["fault"] for one in said] == ["size"]


def test_an_index_or_a_slice_that_is_none(snapshot):
    with pytest.raises(ValueError, match="no slice"):
        verify(snapshot.folder, 4, 4, lambda _: None)
    (snapshot.folder / "index").write_bytes(b"x\n")
    with pytest.raises(ManifestError):
        verify(snapshot.folder, 0, 4, lambda _: None)


def test_no_more_differences_are_told_than_anybody_reads(snapshot, monkeypatch):
    monkeypatch.setattr("appliance.backup_server.verify.MOST_TOLD", 2)
    shutil.rmtree(snapshot.home)
    snapshot.home.mkdir()
    said = []
    sums = verify(snapshot.folder, 0, 1, said.append)
    assert len(said) == 2
    assert sums["faults"]["homes"]["missing"] == 5


def test_a_folder_two_thousand_deep(tmp_path):
    depth = 1900
    stack = [os.open(tmp_path, os.O_RDONLY)]
    with contextlib.ExitStack() as end:
        end.callback(lambda: [os.close(descriptor) for descriptor in stack])
        for _ in range(depth):
            os.mkdir("d", dir_fd=stack[-1])
            stack.append(os.open("d", os.O_RDONLY, dir_fd=stack[-1]))
        end.callback(lambda: [os.rmdir("d", dir_fd=descriptor) for descriptor in reversed(stack[:-1])])
        above = os.open(tmp_path.parent, os.O_RDONLY)
        end.callback(os.close, above)
        seen = [len(place.path) for place in places(above, tmp_path.name.encode())]
    assert len(seen) == depth + 1
    assert seen[-1] == 2 * depth - 1


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_the_walk_goes_by_the_order_of_a_section(tree):
    with tempfile.TemporaryDirectory() as name:
        unit = os.fsencode(name) + b"/unit"
        os.mkdir(unit)
        made = {b"."}
        for names in tree:
            for end in range(1, len(names) + 1):
                path = b"/".join(names[:end])
                if not os.path.lexists(unit + b"/" + path):
                    os.mkdir(unit + b"/" + path)
                made.add(path)
        folder = os.open(name, os.O_RDONLY)
        try:
            seen = list(places(folder, b"unit"))
            lines = [line_of_stored(*entry) for entry in ((folder, b"unit", b"."),)]
        finally:
            os.close(folder)
    assert [place.path for place in seen] == sorted(made, key=lambda path: (path != b".", path))
    assert lines[0].kind == "d"
