"""A snapshot is whole or not at all: killed at any point, with a full disk, without power, with a clock gone wrong."""

import contextlib
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from appliance.backup_server import commit as committing
from appliance.backup_server import disk as disks
from appliance.backup_server.names import moment, next_name
from tests.integration.backup_server import support_store
from tests.integration.backup_server.support_store import AS_ROOT, furnish
from tests.integration.demo.waiting import eventually
from tests.integration.support_btrfs import btrfs, hindrance
from tests.integration.support_disk import disk

needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root mounts a disk")


@pytest.fixture
def mounted():
    """A folder that everybody may go through, for a disk."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    folder.rmdir()


def many(school, text):
    """Units with enough files that a commit takes a while; each time other ones change."""
    for unit in ("anna", "bert", "carl"):
        for number in range(4):
            folder = school.data / "homes" / unit / f"{number}"
            folder.mkdir(parents=True, exist_ok=True)
            for name in range(40):
                if not (folder / f"{name}").exists() or (name + number) % 5 == 0:
                    (folder / f"{name}").write_text(f"{text} {name}")


def killed(server, school, seeds):
    """Commits that are killed after a moment chance finds; then, after each, what is there and what comes next."""
    many(school, "first")
    names = [school.copy()]
    held = {names[0]: school.stored(names[0])}
    school.transfer()
    begin = time.monotonic()
    names.append(str(school.commit()["snapshot"]))
    lasts = time.monotonic() - begin
    held[names[1]] = school.stored(names[1])
    for seed in seeds:
        many(school, f"{seed}")
        school.transfer()
        commit = server.committing(school.name)
        with contextlib.suppress(subprocess.TimeoutExpired):
            commit.process.wait(random.Random(seed).uniform(0.05, 1.0) * lasts)
        commit.kill()
        for name in school.place.names():
            if name not in held:
                held[name] = school.stored(name)
                assert held[name] == school.lines(name), f"seed {seed}: a snapshot that is not whole"
        assert all(school.stored(name) == wanted for name, wanted in held.items()), f"seed {seed}: an older one changed"
        name = school.copy()
        held[name] = school.stored(name)
        assert held[name] == school.lines(name), f"seed {seed}: the next one is not whole"
        eventually(lambda: not school.at_work())
        assert sorted(os.listdir(school.place.snapshots)) == school.place.names() == sorted(held)
        for name in list(held)[:-3]:
            del held[name]
            disks_removed(school, name)


def disks_removed(school, name):
    subprocess.run(["rm", "-rf", school.place.snapshots / name, school.place.dumps / f"{name}.age"], check=True)


@pytest.mark.timeout(300)
def test_a_commit_that_is_killed_leaves_a_whole_one_or_none(server, school):
    killed(server, school, range(20))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_fifty_commits_that_are_killed(server, school):
    killed(server, school, range(1000, 1050))


def test_what_a_killed_commit_had_taken_is_not_sent_again(server, school, home):
    school.transfer()
    commit = server.committing("goethe")
    while not (school.place.work / "taken").exists() and commit.process.poll() is None:
        pass
    commit.kill()
    if school.place.names():
        pytest.skip("the commit was faster")
    school.begin()
    given_back = (school.place.incoming / "homes" / "fred.mustermann" / "brief.odt").stat()
    assert given_back.st_uid == support_store.UID
    name = school.copy()
    kept = (school.place.snapshots / name / "homes" / "fred.mustermann" / "brief.odt").stat()
    assert kept.st_ino == given_back.st_ino
    assert school.check() == [name]


@needs_root
def test_a_full_disk_is_told_and_leaves_nothing_behind(mounted):
    with disk(mounted, 64 * 1024 * 1024), support_store.server(mounted / "copies") as server:
        school = server.school()
        home = school.data / "homes" / "fred.mustermann"
        furnish(home)
        first = school.copy()
        before = school.stored(first)
        for number in range(200):
            (home / "Mathe" / f"{number}").mkdir()
        school.transfer()
        filler = mounted / "filler"
        with filler.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 65536)
                file.flush()
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x")
        done = school.ask("commit")
        assert done.returncode == 1
        assert b"the disk over there is full" in done.stderr
        assert school.place.names() == [first] == os.listdir(school.place.snapshots)
        assert school.stored(first) == before
        filler.unlink()
        second = school.commit()["snapshot"]
        assert school.check() == [first, second]


@needs_root
def test_without_power_a_snapshot_that_was_told_of_is_whole(mounted):
    with disk(mounted) as found, support_store.server(mounted / "copies") as server:
        school = server.school()
        furnish(school.data / "homes" / "fred.mustermann")
        name = school.copy()
        found.cut()
        server.stop()
        found.power_on()
        assert school.check() == [name]
        assert (school.place.dumps / f"{name}.age").read_bytes() == b"sealed"


def test_a_clock_that_jumps_back_hides_no_snapshot(server, school, home):
    first = school.copy()
    future = "2090-01-01T000000"
    (school.place.snapshots / first).rename(school.place.snapshots / future)
    (school.place.dumps / f"{first}.age").rename(school.place.dumps / f"{future}.age")
    (home / "brief.odt").write_bytes(b"Liebe Oma")
    second = school.copy()
    assert second == "2090-01-01T000001"
    assert school.check() == [future, second]
    assert any("clock" in text for text in school.answer("list")[0]["warnings"])


def test_what_has_had_its_time_goes_with_its_dump():
    with support_store.server(keep="days = 1\nweeks = 0\nmonths = 0\ndump_days = 1") as server:
        school = server.school()
        furnish(school.data / "homes" / "fred.mustermann")
        first = school.copy()
        past = "2020-01-01T000000"
        (school.place.snapshots / first).rename(school.place.snapshots / past)
        (school.place.dumps / f"{first}.age").rename(school.place.dumps / f"{past}.age")
        school.transfer()
        said = school.commit()
        assert said["removed"] == [past]
        assert school.check() == school.place.dump_names() == [said["snapshot"]]


@pytest.mark.skipif(bool(hindrance()), reason=hindrance())
def test_on_btrfs_snapshots_are_read_only_and_hold_the_same(mounted):
    with btrfs(mounted), support_store.server(mounted / "copies", "days = 1\nweeks = 0\nmonths = 0") as server:
        school = server.school()
        home = school.data / "homes" / "fred.mustermann"
        furnish(home)
        furnish(school.data / "groups" / "klasse3a")
        first = school.copy()
        (home / "brief.odt").write_bytes(b"Liebe Oma")
        (home / "Mathe" / "tief").rename(home / "flach")
        (school.data / "groups" / "klasse3a").rename(school.data / "groups" / "klasse3b")
        second = school.copy()
        assert school.check() == [first, second]
        for name in (first, second):
            with pytest.raises(OSError, match="Read-only"):
                (school.place.snapshots / name / "homes" / "x").touch()
        linked = [
            school.place.snapshots / second / "homes" / "fred.mustermann" / name for name in ("zwei", "zwei.auch")
        ]
        assert linked[0].stat().st_ino == linked[1].stat().st_ino
        many(school, "x")
        school.transfer()
        commit = server.committing("goethe")
        with contextlib.suppress(subprocess.TimeoutExpired):
            commit.process.wait(0.4)
        commit.kill()
        assert school.check()[:2] == [first, second]
        school.copy()
        school.check()
        assert all(not name.startswith(".") for name in os.listdir(school.place.snapshots))
        with school.at_rest():
            committing.recover(school.place)
        assert disks.is_btrfs(school.place.snapshots)
        past = next_name(moment(first).replace(year=2020), [])
        (school.place.snapshots / first).rename(school.place.snapshots / past)
        school.transfer()
        assert past in school.commit()["removed"]
