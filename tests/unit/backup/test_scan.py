"""What is found in a unit, however strange, and that a stamp changes whenever a file does."""

import errno
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup import scan as scanning
from appliance.backup.scan import Without, changed_at, scan
from appliance.daemon.descriptors import FOLDER, opened


def scanned(folder, without=None):
    with opened(os.open(folder, FOLDER)) as unit:
        return scan(unit, without or Without())


def test_everything_has_its_place_whatever_it_is(tmp_path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
    os.mkdir(os.fsencode(tmp_path) + b"/\xff\n")
    found = scanned(tmp_path)
    assert found.paths[0] == b"."
    assert sorted(found.paths[1:]) == [
        b"folder",
        b"folder/deep",
        b"folder/file",
        b"link",
        b"pipe",
        b"socket",
        b"\xff\n",
    ]
    assert len(found.stamps) == len(found.paths)
    assert found.left_out == {}


def test_what_is_under_way_is_left_out(tmp_path):
    for name in (
        "a/.upload-1",
        "a/b/.upload-2",
        "refusals.db",
        "refusals.db-wal",
        "a/refusals.db",
        "tmp/mail",
        "cur/mail",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = scanned(tmp_path, Without((".upload-",), ("refusals.db",), lambda path: path == b"tmp"))
    assert sorted(found.paths) == [b".", b"a", b"a/b", b"a/refusals.db", b"cur", b"cur/mail", b"tmp"]


def test_what_lies_too_deep_costs_nobody_the_rest(tmp_path):
    (tmp_path / "letter").touch()
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=folder)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    found = scanned(tmp_path)
    assert b"letter" in found.paths
    assert set(found.left_out.values()) == {errno.ENAMETOOLONG}
    assert max(map(len, found.paths)) < 4096


@pytest.mark.parametrize(("bound", "most"), [("_MOST", 6), ("_MOST_BYTES", 4 * (192 + 200) + 700)])
def test_a_folder_with_more_than_a_section_holds_costs_nobody_the_rest(tmp_path, monkeypatch, bound, most):
    monkeypatch.setattr(scanning, bound, most)
    (tmp_path / "letter").touch()
    (tmp_path / "full").mkdir()
    for number in range(5):
        (tmp_path / "full" / f"{number}{chr(92) * 100}").touch()
    found = scanned(tmp_path)
    assert sorted(found.paths) == [b".", b"full", b"letter"]
    assert len(found.stamps) == 3
    assert found.left_out == {b"full": errno.EMFILE}


@pytest.mark.parametrize("seconds", [15_000_000_000, 9_300_000_000, -2_000_000_000])
def test_a_file_of_another_century_is_a_file_like_any(tmp_path, seconds):
    (tmp_path / "file").touch()
    before = scanned(tmp_path)
    os.utime(tmp_path / "file", ns=(seconds * 10**9, seconds * 10**9))
    assert scanned(tmp_path).stamps[1] != before.stamps[1]


CHANGES = {
    "content": lambda path: path.write_bytes(b"other"),
    "mode": lambda path: path.chmod(0o600),
    "time": lambda path: os.utime(path, (1, 1)),
    "attribute": lambda path: os.setxattr(path, "user.note", b"x"),
    "another in its place": lambda path: (
        path.with_name("new").write_bytes(b"words"),
        path.with_name("new").rename(path),
    ),
    "its time kept": lambda path: (path.write_bytes(b"other"), os.utime(path, ns=(5, 7))),
    "a new file": lambda path: path.with_name("beside").touch(),
    "gone": lambda path: path.unlink(),
    "renamed": lambda path: path.rename(path.with_name("renamed")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_noticed(tmp_path, change):
    letter = tmp_path / "letter"
    for path in (letter, tmp_path / "another"):
        path.write_bytes(b"words")
    os.utime(letter, ns=(5, 7))
    first = scanned(tmp_path)
    assert scanned(tmp_path).digest == first.digest
    before = changed_at(first.stamps[first.paths.index(b"letter")])
    while letter.exists() and letter.stat().st_ctime_ns == before:  # until the kernel's clock has gone on
        os.utime(letter, ns=(5, 7))
    first = scanned(tmp_path)
    CHANGES[change](letter)
    assert scanned(tmp_path).digest != first.digest


@given(st.sets(st.binary(min_size=1, max_size=30).filter(lambda name: not set(name) & {0, 47}), max_size=8))
def test_names_are_bytes(tmp_path_factory, names):
    names -= {b".", b".."}
    folder = os.fsencode(tmp_path_factory.mktemp("unit"))
    for name in names:
        with open(folder + b"/" + name, "wb"):
            pass
    assert set(scanned(folder).paths) == {b".", *names}
