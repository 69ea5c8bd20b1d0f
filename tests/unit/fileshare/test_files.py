"""What of the present file is deducted when another takes its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.fileshare.acting import Person, Staying
from appliance.fileshare.files import Files
from appliance.fileshare.shares import Place, Shares
from appliance.fileshare.store import Store

FRED = Person(os.getuid(), os.getgid())
BIG = 10_000


class Account:
    def add(self, uid: int, amount: int) -> None:
        raise AssertionError("looking changes nothing")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "homes" / "fred").mkdir(parents=True)
    return tmp_path / "homes" / "fred"


@pytest.fixture
def files(home: Path) -> Files:
    shares = Shares(Place("homes", "fred"), {}, None, ())
    return Files(None, Store(home.parents[1], Staying(), Account()), lambda: (FRED, shares))


def test_the_present_file_is_deducted(files: Files, home: Path) -> None:
    (home / "film").write_bytes(bytes(BIG))
    assert files.own_size("/Home/film") == BIG
    assert files.own_size("/Home/none") == 0


def test_one_that_lives_on_by_another_name_is_not(files: Files, home: Path) -> None:
    """Else each STOR over one of two names would store as many bytes again, beyond the quota."""
    (home / "film").write_bytes(bytes(BIG))
    (home / "again").hardlink_to(home / "film")
    assert files.own_size("/Home/film") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_one_that_another_pays_for_is_not(files: Files, home: Path) -> None:
    (home / "film").write_bytes(bytes(BIG))
    os.chown(home / "film", 20_001, -1)
    assert files.own_size("/Home/film") == 0
