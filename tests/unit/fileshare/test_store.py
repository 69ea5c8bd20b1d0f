"""Files on the disk as the caller: whole or not at all, and nothing outside is reached."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest

from appliance.fileshare import store as module
from appliance.fileshare.acting import Person, Staying
from appliance.fileshare.shares import Place
from appliance.fileshare.store import Store
from appliance.fileshare.upload import TooLarge
from appliance.usage.unfinished import UNFINISHED
from tests.unit.fileshare.conftest import Account

pytestmark = pytest.mark.usefixtures("bytes_alone")

FRED = Person(os.getuid(), os.getgid())
HOME, GROUP = Place("homes", "fred"), Place("groups", "klasse3a")


@pytest.fixture
def store(tmp_path: Path, account: Account) -> Store:
    for place in (HOME, GROUP):
        (tmp_path / place.area / place.name).mkdir(parents=True)
    return Store(tmp_path, Staying(), account)


def inside(place: Place, *parts: str) -> Place:
    return Place(place.area, place.name, parts)


def names(store: Store, place: Place) -> list[str]:
    """What there is, in the order in which it is listed."""
    with contextlib.closing(store.listing(FRED, place)) as listing:
        return [name for piece in iter(listing.piece, None) for name in piece]


def put(store: Store, place: Place, data: bytes, keep: int = 0) -> None:
    upload = store.upload(FRED, place, keep, 1000)
    upload.write(data)
    upload.finish()


def test_whole(store: Store, account: Account, tmp_path: Path, way: str) -> None:
    put(store, inside(HOME, "a"), b"12345")
    assert (tmp_path / "homes" / "fred" / "a").read_bytes() == b"12345"
    assert account.sum == 5
    put(store, inside(HOME, "a"), b"6", keep=2)
    assert (tmp_path / "homes" / "fred" / "a").read_bytes() == b"126"
    assert account.sum == 3
    assert names(store, HOME) == ["a"]
    assert os.listdir(tmp_path / "homes" / "fred") == ["a"]


def test_not_at_all(store: Store, account: Account, tmp_path: Path, way: str) -> None:
    put(store, inside(HOME, "a"), b"before")
    upload = store.upload(FRED, inside(HOME, "a"), 0, 10)
    upload.write(b"1234567890")
    with pytest.raises(TooLarge) as problem:
        upload.write(b"1")
    assert problem.value.size == 11
    assert names(store, HOME) == ["a"]
    upload.close()
    upload.close()
    assert os.listdir(tmp_path / "homes" / "fred") == ["a"]
    assert (tmp_path / "homes" / "fred" / "a").read_bytes() == b"before"
    assert account.sum == 6


def test_a_disk_that_fails_at_the_end(
    store: Store, account: Account, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = store.upload(FRED, inside(HOME, "a"), 0, 10)
    upload.write(b"1")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        upload.finish()
    assert os.listdir(tmp_path / "homes" / "fred") == [] and account.sum == 0 and upload.closed


def test_no_descriptor_is_left_open(store: Store, way: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    put(store, inside(HOME, "a"), b"1")
    store.upload(FRED, inside(HOME, "a"), 0, 10).close()
    for place in (inside(HOME, "a", "b"), inside(HOME, "missing", "b")):
        with pytest.raises(OSError, match=r"Not a directory|No such file"):
            store.upload(FRED, place, 0, 10)
    with pytest.raises(OSError, match="Invalid"):
        store.upload(FRED, inside(HOME, "a"), 2, 10)
    with pytest.raises(TooLarge):
        store.upload(FRED, inside(HOME, "a"), 1, 0)
    store.rename(FRED, inside(HOME, "a"), inside(GROUP, "a"))
    store.remove_file(FRED, inside(GROUP, "a"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_links_are_not_followed(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "homes" / "fred"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    (home / "folder").symlink_to(tmp_path / "secret")
    (home / "file").symlink_to(tmp_path / "secret" / "file")
    for call in (
        lambda: names(store, inside(HOME, "folder")),
        lambda: store.status(FRED, inside(HOME, "folder", "file")),
        lambda: os.close(store.read(FRED, inside(HOME, "file"))),
        lambda: os.close(store.read(FRED, inside(HOME, "folder", "file"))),
        lambda: store.upload(FRED, inside(HOME, "folder", "new"), 0, 10),
        lambda: store.upload(FRED, inside(HOME, "file"), 0, 10),
        lambda: store.make_folder(FRED, inside(HOME, "folder", "new")),
        lambda: store.remove_file(FRED, inside(HOME, "folder", "file")),
        lambda: store.rename(FRED, inside(HOME, "file"), inside(GROUP, "file")),
    ):
        with pytest.raises(OSError, match=r"Not a directory|levels of symbolic|Is a directory"):
            call()
    with pytest.raises(IsADirectoryError):
        store.set_time(FRED, inside(HOME, "file"), 1.0)
    store.remove_file(FRED, inside(HOME, "file"))
    assert (tmp_path / "secret" / "file").stat().st_mtime > 1.0


def test_unfinished_files_are_nobodys(store: Store, tmp_path: Path) -> None:
    (tmp_path / "homes" / "fred" / f"{UNFINISHED}1").touch()
    (tmp_path / "homes" / "fred" / "two\nlines").touch()
    assert names(store, HOME) == []
    with pytest.raises(FileNotFoundError):
        store.read(FRED, inside(HOME, f"{UNFINISHED}1"))


def test_folders_and_moves(store: Store, account: Account) -> None:
    store.make_folder(FRED, inside(HOME, "a"))
    put(store, inside(HOME, "a", "x"), b"123")
    put(store, inside(HOME, "y"), b"1234")
    with pytest.raises(OSError, match="not empty"):
        store.remove_folder(FRED, inside(HOME, "a"))
    store.rename(FRED, inside(HOME, "a", "x"), inside(HOME, "y"))
    assert account.sum == 3
    store.remove_folder(FRED, inside(HOME, "a"))
    store.make_folder(FRED, inside(HOME, "b"))
    with pytest.raises(OSError, match="cross-device"):
        store.rename(FRED, inside(HOME, "b"), inside(GROUP, "b"))
    store.rename(FRED, inside(HOME, "y"), inside(GROUP, "y"))
    store.remove_file(FRED, inside(GROUP, "y"))
    assert account.sum == 0


def test_renaming_to_its_own_name_pays_nothing_back(store: Store, account: Account, tmp_path: Path) -> None:
    put(store, inside(HOME, "a"), b"12345")
    for _ in range(3):
        store.rename(FRED, inside(HOME, "a"), inside(HOME, "a"))
    assert account.sum == 5 and os.listdir(tmp_path / "homes" / "fred") == ["a"]


def test_a_folder_of_any_size_is_seen_whole_and_in_pieces(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "homes" / "fred"
    before = len(os.listdir("/proc/self/fd"))
    expected = {f"{number:05}" for number in range(3_000)}
    for name in expected:
        (home / name).touch()
    listing = store.listing(FRED, HOME)
    pieces = list(iter(listing.piece, None))
    assert max(map(len, pieces)) <= 250
    found = [name for piece in pieces for name in piece]
    assert len(found) == 3_000 and set(found) == expected
    assert listing.piece() is None
    listing.close()
    listing.close()
    assert listing.piece() is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_most_folders_are_in_order_and_what_vanishes_meanwhile_is_left_out(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "homes" / "fred"
    for number in range(1_000):
        (home / f"{number:05}").touch()
    with contextlib.closing(store.listing(FRED, HOME)) as listing:
        first = listing.piece()
        (home / "00990").unlink()
        rest = [name for piece in iter(listing.piece, None) for name in piece]
    assert first is not None
    found = [*first, *rest]
    assert found == sorted(found) and len(found) == 999 and "00990" not in found


def test_no_folder_moves_to_where_its_content_is_out_of_reach(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "homes" / "fred"
    chain = ("d" * 100,) * 6
    (home / "a").joinpath(*chain).mkdir(parents=True)
    (home / "b").joinpath(*chain).mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="name too long"):
        store.rename(FRED, inside(HOME, "a"), inside(HOME, "b", *chain, "a"))
    (home / "c").joinpath(*"c" * 100).mkdir(parents=True)
    (home / "e").joinpath(*"e" * 40).mkdir(parents=True)
    with pytest.raises(OSError, match="name too long"):
        store.rename(FRED, inside(HOME, "c"), inside(HOME, "e", *"e" * 40, "c"))
    store.rename(FRED, inside(HOME, "c"), inside(HOME, "e", "c"))
    store.rename(FRED, inside(HOME, "e", "c"), inside(HOME, "c"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_with_very_much_in_it_does_not_move_down(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "homes" / "fred"
    (home / "a" / "b" / "c").mkdir(parents=True)
    (home / "d").mkdir()
    monkeypatch.setattr(module, "_MOST_BELOW", 20)
    store.rename(FRED, inside(HOME, "a"), inside(HOME, "x"))
    for number in range(20):
        (home / "x" / "b" / f"e{number}").touch()
    with pytest.raises(OSError, match="Too many links"):
        store.rename(FRED, inside(HOME, "x"), inside(HOME, "d", "x"))
