"""The snapshot file between a real writer and followers, on a loop turned by hand."""

import json
import os
import stat
import threading
from dataclasses import dataclass

import pytest

from appliance.daemon.snapshot_file import Follower, write_snapshot


@dataclass(frozen=True)
class Thing:
    version: tuple
    text: str


def decode(data):
    value = json.loads(data)
    return Thing(tuple(value["version"]), value["text"])


def encode(version, text="x"):
    return json.dumps({"version": version, "text": text}).encode()


class HandLoop:
    def __init__(self):
        self.timers = []

    def call_later(self, seconds, callback):
        self.timers.append(callback)
        return lambda: self.timers.remove(callback)

    def turn(self):
        timers, self.timers = self.timers, []
        for callback in timers:
            callback()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mail.snapshot"


@pytest.fixture
def loop():
    return HandLoop()


def test_the_file_is_written_whole_with_its_mode(path):
    write_snapshot(path, b"1")
    write_snapshot(path, b"2", os.getgid())
    assert path.read_bytes() == b"2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    assert path.stat().st_gid == os.getgid()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    write_snapshot(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_snapshot(path, b"new" * 1000)
    assert path.read_bytes() == b"old"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_what_a_killed_writer_left_is_replaced(path):
    (path.parent / ".mail.snapshot.new").write_bytes(b"half")
    write_snapshot(path, b"whole")
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_current_is_there_at_once_and_follows(path, loop):
    write_snapshot(path, encode([1, 1], "one"))
    changes = []
    follower = Follower(path, decode, loop, changes.append)
    assert follower.current == Thing((1, 1), "one")
    loop.turn()
    assert changes == []
    write_snapshot(path, encode([1, 2], "two"))
    loop.turn()
    loop.turn()
    assert [change.text for change in changes] == ["two"]
    assert follower.current.text == "two"


def test_a_file_that_comes_later(path, loop):
    changes = []
    follower = Follower(path, decode, loop, changes.append)
    assert follower.current is None
    write_snapshot(path, encode([1, 1]))
    loop.turn()
    assert len(changes) == 1


@pytest.mark.parametrize("version", [[1, 4], [0, 99]])
def test_it_never_goes_back(path, loop, caplog, version):
    write_snapshot(path, encode([1, 5], "running"))
    follower = Follower(path, decode, loop)
    write_snapshot(path, encode(version, "older"))
    loop.turn()
    loop.turn()
    assert follower.current.text == "running"
    assert caplog.messages == ["the snapshot is older than the running one; the running one stays"]
    write_snapshot(path, encode([2, 1], "new epoch"))
    loop.turn()
    assert follower.current.text == "new epoch"


def test_the_same_version_again_changes_nothing(path, loop, caplog):
    write_snapshot(path, encode([1, 5]))
    changes = []
    Follower(path, decode, loop, changes.append)
    write_snapshot(path, encode([1, 5]))
    loop.turn()
    assert changes == []
    assert caplog.messages == []


def test_a_cut_file_keeps_the_running_one_and_is_reported_once(path, loop, caplog):
    whole = encode([1, 2], "next")
    write_snapshot(path, encode([1, 1], "running"))
    follower = Follower(path, decode, loop)
    for cut in range(0, len(whole) - 1, 7):
        caplog.clear()
        write_snapshot(path, whole[:cut])
        loop.turn()
        loop.turn()
        assert follower.current.text == "running"
        assert len(caplog.messages) == 1
        assert "broken" in caplog.messages[0]
    write_snapshot(path, whole)
    loop.turn()
    assert follower.current.text == "next"


def test_a_missing_file_keeps_the_running_one_and_is_reported_once(path, loop, caplog):
    write_snapshot(path, encode([1, 1]))
    follower = Follower(path, decode, loop)
    path.unlink()
    loop.turn()
    loop.turn()
    assert follower.current is not None
    assert caplog.messages == ["the snapshot is gone; the running one stays"]
    write_snapshot(path, encode([1, 2]))
    loop.turn()
    assert follower.current.version == (1, 2)


def test_an_unreadable_file(path, loop, caplog):
    path.mkdir()
    follower = Follower(path, decode, loop)
    loop.turn()
    assert follower.current is None
    assert len(caplog.messages) == 1
    assert "EISDIR" in caplog.messages[0]
    path.rmdir()
    write_snapshot(path, encode([1, 1]))
    loop.turn()
    assert follower.current is not None


def test_an_error_of_who_is_told_does_not_end_the_following(path, loop):
    def fail(_new):
        raise ZeroDivisionError

    write_snapshot(path, encode([1, 1]))
    follower = Follower(path, decode, loop, fail)
    write_snapshot(path, encode([1, 2]))
    with pytest.raises(ZeroDivisionError):
        loop.turn()
    assert len(loop.timers) == 1
    follower.stop()
    assert loop.timers == []


def test_a_reader_sees_whole_files_only_while_they_are_replaced(path, loop):
    write_snapshot(path, encode([0, 0], "y" * 50_000))
    follower = Follower(path, decode, loop)
    done = threading.Event()

    def write():
        for number in range(1, 101):
            write_snapshot(path, encode([0, number], "y" * 50_000))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while not done.is_set():
        loop.turn()
        seen.append(follower.current.version)
    writer.join()
    loop.turn()
    assert follower.current.version == (0, 100)
    assert seen == sorted(seen)
