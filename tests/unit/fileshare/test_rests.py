"""What is left of a broken upload: its owner's for a day, in his account, and no file to anybody."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest

from appliance.fileshare import upload as module
from appliance.fileshare.acting import Person, Staying
from appliance.fileshare.rests import rest_of
from appliance.fileshare.shares import Place
from appliance.fileshare.store import Store
from appliance.fileshare.upload import TooLarge
from appliance.usage.unfinished import UNFINISHED
from tests.unit.fileshare.conftest import Account

pytestmark = pytest.mark.usefixtures("bytes_alone", "way")

FRED = Person(os.getuid(), os.getgid())
HOME = Place("homes", "fred")
FILE = Place("homes", "fred", ("film",))


@pytest.fixture
def store(tmp_path: Path, account: Account) -> Store:
    (tmp_path / "homes" / "fred").mkdir(parents=True)
    return Store(tmp_path, Staying(), account)


@pytest.fixture
def home(store: Store, tmp_path: Path) -> Path:
    return tmp_path / "homes" / "fred"


@pytest.fixture(autouse=True)
def nothing_left_open() -> object:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def broken(store: Store, data: bytes, keep: int = 0) -> bool:
    upload = store.upload(FRED, FILE, keep, 1000)
    upload.write(data)
    upload.close()
    return upload.kept


def finished(store: Store, data: bytes, keep: int = 0, largest: int = 1000) -> None:
    upload = store.upload(FRED, FILE, keep, largest)
    upload.write(data)
    upload.finish()


def seen(store: Store) -> list[str]:
    with contextlib.closing(store.listing(FRED, HOME)) as listing:
        return [name for piece in iter(listing.piece, None) for name in piece]


def rest(store: Store) -> int | None:
    try:
        return store.rest(FRED, FILE)
    except FileNotFoundError:
        return None


def test_it_is_resumed(store: Store, account: Account, home: Path) -> None:
    assert broken(store, b"12345")
    assert rest(store) == 5 and account.sum == 5 and seen(store) == []
    assert (home / rest_of("film")).stat().st_mode & 0o777 == 0o600
    assert broken(store, b"67", keep=5)
    assert rest(store) == 7 and account.sum == 7
    finished(store, b"x", keep=3)
    assert (home / "film").read_bytes() == b"123x"
    assert (home / "film").stat().st_mode & 0o777 == 0o660
    assert os.listdir(home) == ["film"] and account.sum == 4 and rest(store) is None


def test_one_begun_anew_takes_its_place(store: Store, account: Account, home: Path) -> None:
    broken(store, b"12345")
    assert broken(store, b"abc")
    assert rest(store) == 3 and account.sum == 3
    finished(store, b"new")
    assert os.listdir(home) == ["film"] and account.sum == 3


def test_of_many_that_break_off_at_once_no_more_is_kept_than_there_is_room_for(store: Store, account: Account) -> None:
    """Each was begun while there was room for it alone; an empty STOR on each rest would make files of all of them."""
    uploads = [
        store.upload(
            FRED, Place("homes", "fred", (f"film{number}",)), 0, 10_000, lambda more: account.sum + more <= 20_000
        )
        for number in range(4)
    ]
    for upload in uploads:
        upload.write(bytes(9_000))
    for upload in uploads:
        upload.close()
    assert [upload.kept for upload in uploads] == [True, True, False, False] and account.sum == 18_000


def test_what_is_begun_anew_has_the_room_of_its_former_rest(store: Store, account: Account) -> None:
    for size in (9_000, 10_000):
        upload = store.upload(FRED, FILE, 0, 10_000, lambda more: account.sum + more <= 10_000)
        upload.write(bytes(size))
        upload.close()
        assert upload.kept and account.sum == size


def test_nothing_came_nothing_is_left(store: Store, account: Account, home: Path) -> None:
    assert not broken(store, b"")
    assert os.listdir(home) == [] and account.sum == 0


def test_where_a_file_is_nothing_is_left(store: Store, account: Account, home: Path) -> None:
    finished(store, b"before")
    assert not broken(store, b"12345")
    assert os.listdir(home) == ["film"] and account.sum == 6


def test_what_is_discarded_or_refused_leaves_nothing(store: Store, account: Account, home: Path) -> None:
    upload = store.upload(FRED, FILE, 0, 1000)
    upload.write(b"12345")
    upload.discard()
    assert os.listdir(home) == []
    broken(store, b"12345")
    upload = store.upload(FRED, FILE, 5, 7)
    with pytest.raises(TooLarge):
        upload.write(b"678")
    upload.close()
    assert os.listdir(home) == [] and account.sum == 0 and not upload.kept


def test_what_is_not_there_is_not_resumed(store: Store, account: Account, home: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.upload(FRED, FILE, 1, 1000)
    broken(store, b"12345")
    with pytest.raises(OSError, match="Invalid"):
        store.upload(FRED, FILE, 6, 1000)
    with pytest.raises(TooLarge):
        store.upload(FRED, FILE, 5, 4)
    assert rest(store) == 5 and account.sum == 5


def test_of_two_who_resume_it_one_gets_it(store: Store, account: Account, home: Path) -> None:
    broken(store, b"12345")
    first = store.upload(FRED, FILE, 5, 1000)
    assert rest(store) is None
    with pytest.raises(FileNotFoundError):
        store.upload(FRED, FILE, 5, 1000)
    first.write(b"6")
    first.finish()
    assert (home / "film").read_bytes() == b"123456" and account.sum == 6


def test_one_begun_anew_that_breaks_off_does_not_disturb_one_that_goes_on(
    store: Store, account: Account, home: Path
) -> None:
    broken(store, b"12345")
    first = store.upload(FRED, FILE, 5, 1000)
    assert broken(store, b"abc")
    first.write(b"6")
    first.finish()
    assert (home / "film").read_bytes() == b"123456"
    assert os.listdir(home) == ["film"] and account.sum == 6


def test_it_is_too_old_after_a_day(store: Store, home: Path) -> None:
    broken(store, b"12345")
    found = (home / rest_of("film")).stat().st_mtime
    for age, size in ((86_300, 5), (86_500, None)):
        os.utime(home / rest_of("film"), (found - age, found - age))
        assert rest(store) == size
    with pytest.raises(FileNotFoundError):
        store.upload(FRED, FILE, 5, 1000)


def test_it_can_be_deleted(store: Store, account: Account, home: Path) -> None:
    broken(store, b"12345")
    store.remove_file(FRED, FILE)
    assert os.listdir(home) == [] and account.sum == 0
    with pytest.raises(FileNotFoundError):
        store.remove_file(FRED, FILE)


def test_what_somebody_put_there_is_not_taken_for_it(store: Store, home: Path) -> None:
    (home / "other").write_bytes(b"12345")
    name = home / rest_of("film")
    name.symlink_to("other")
    assert rest(store) is None
    name.unlink()
    os.link(home / "other", name)
    assert rest(store) is None
    name.unlink()
    os.mkfifo(name)
    assert rest(store) is None
    finished(store, b"1")
    assert sorted(os.listdir(home)) == ["film", "other"]
    name.mkdir()
    os.unlink(home / "film")
    assert not broken(store, b"1")
    finished(store, b"2")
    assert (home / "film").read_bytes() == b"2"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_somebody_elses_is_not_ones_own(store: Store, home: Path) -> None:
    broken(store, b"12345")
    os.chown(home / rest_of("film"), 20_001, -1)
    assert rest(store) is None
    with pytest.raises(FileNotFoundError):
        store.upload(FRED, FILE, 5, 1000)


def test_a_folder_with_nothing_else_in_it_is_empty(store: Store, account: Account, home: Path) -> None:
    inner = Place("homes", "fred", ("inner",))
    store.make_folder(FRED, inner)
    upload = store.upload(FRED, Place("homes", "fred", ("inner", "film")), 0, 1000)
    upload.write(b"12345")
    upload.close()
    (home / "inner" / "other").touch()
    with pytest.raises(OSError, match="not empty"):
        store.remove_folder(FRED, inner)
    assert account.sum == 5
    (home / "inner" / "other").unlink()
    store.remove_folder(FRED, inner)
    assert os.listdir(home) == [] and account.sum == 0


def test_a_disk_that_fails_leaves_nothing(
    store: Store, account: Account, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(module.os, "fsync", full)
    assert not broken(store, b"12345")
    assert [name for name in os.listdir(home) if name.startswith(UNFINISHED)] == [] and account.sum == 0
