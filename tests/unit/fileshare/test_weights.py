"""What FTP adds to the ledger is what a count of the disk finds, names and attributes of files included."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.fileshare.acting import Person, Staying
from appliance.fileshare.shares import Place
from appliance.fileshare.store import Store
from appliance.usage.scan import scan
from appliance.usage.weight import LEAST
from tests.unit.fileshare.conftest import Account

FRED = Person(os.getuid(), os.getgid())
NOBODYS = range(2**40, 2**40 + 1)
STREAM = "user.DosStream.film:$DATA"


@pytest.fixture
def store(tmp_path: Path, account: Account) -> Store:
    (tmp_path / "homes" / "fred").mkdir(parents=True)
    return Store(tmp_path, Staying(), account)


def at(*parts: str) -> Place:
    return Place("homes", "fred", parts)


def lies(tmp_path: Path) -> int:
    return scan(tmp_path, NOBODYS, ["fred"], ()).homes.get("fred", 0)


def put(store: Store, place: Place, size: int, keep: int = 0, finish: bool = True) -> None:
    upload = store.upload(FRED, place, keep, 100_000)
    upload.write(bytes(size))
    upload.finish() if finish else upload.close()


def test_the_ledger_is_what_a_count_finds_after_each_step(store: Store, account: Account, tmp_path: Path) -> None:
    home = tmp_path / "homes" / "fred"

    def link() -> None:
        (home / "link").symlink_to("nowhere")
        account.sum += LEAST

    steps = (
        (lambda: store.make_folder(FRED, at("plan")), LEAST),
        (lambda: put(store, at("plan", "empty"), 0), 2 * LEAST),
        (lambda: put(store, at("plan", "small"), 10), 3 * LEAST),
        (lambda: put(store, at("big"), 10_000), 3 * LEAST + 10_000),
        (lambda: put(store, at("big"), 10), 4 * LEAST),
        (lambda: put(store, at("film"), 9_000, finish=False), 4 * LEAST + 9_000),
        (lambda: put(store, at("film"), 1_000, keep=9_000, finish=False), 4 * LEAST + 10_000),
        (lambda: put(store, at("film"), 1, keep=1_000), 5 * LEAST),
        (lambda: put(store, at("film"), 1, keep=1), 5 * LEAST),
        (lambda: store.rename(FRED, at("film"), at("big")), 4 * LEAST),
        (lambda: store.rename(FRED, at("big"), at("big")), 4 * LEAST),
        (lambda: store.remove_file(FRED, at("plan", "empty")), 3 * LEAST),
        (lambda: store.remove_file(FRED, at("plan", "small")), 2 * LEAST),
        (lambda: store.make_folder(FRED, at("other")), 3 * LEAST),
        (lambda: store.rename(FRED, at("other"), at("plan")), 2 * LEAST),
        (link, 3 * LEAST),
        (lambda: store.remove_file(FRED, at("link")), 2 * LEAST),
        (lambda: store.remove_folder(FRED, at("plan")), LEAST),
        (lambda: store.remove_file(FRED, at("big")), 0),
    )
    for number, (act, expected) in enumerate(steps):
        act()
        assert (number, lies(tmp_path), account.sum) == (number, expected, expected)


def test_a_stream_weighs_what_it_holds_and_goes_with_its_file(store: Store, account: Account, tmp_path: Path) -> None:
    put(store, at("film"), 1)
    way = tmp_path / "homes" / "fred" / "film"
    try:
        os.setxattr(way, STREAM, bytes(3_000))
        os.setxattr(way, "user.DOSATTRIB", bytes(50))
    except OSError:
        pytest.skip("this disk has no attributes")
    more = 3_000 + len(STREAM)
    assert lies(tmp_path) == LEAST + more
    account.sum += more
    store.remove_file(FRED, at("film"))
    assert account.sum == lies(tmp_path) == 0
