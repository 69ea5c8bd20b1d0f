"""Links to where somebody's share begins: one per person, swapped at once, never outside of their folder."""

from pathlib import Path

import pytest

from appliance.fileshare.smb.links import point, sweep

FRED = "SCHULE\\fred.mustermann"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "smb" / "homes"


def test_a_link_leads_to_the_home_and_the_folder_shows_nobody_who_is_there(folder: Path) -> None:
    point(folder, FRED, Path("/srv/homes/fred"))
    assert (folder / FRED).readlink() == Path("/srv/homes/fred")
    assert folder.stat().st_mode & 0o777 == 0o711


def test_it_follows_a_new_home_and_stays_while_that_is_the_same(folder: Path) -> None:
    point(folder, FRED, Path("/srv/homes/fred"))
    before = (folder / FRED).lstat().st_ino
    point(folder, FRED, Path("/srv/homes/fred"))
    assert (folder / FRED).lstat().st_ino == before
    point(folder, FRED, Path("/srv/homes/fred.neu"))
    assert (folder / FRED).readlink() == Path("/srv/homes/fred.neu")
    assert [each.name for each in folder.iterdir()] == [FRED]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../up", "a\0b", "x" * 201, "\u00e4" * 101])
def test_what_is_no_name_makes_no_link(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        point(folder, name, Path("/srv/homes/fred"))
    assert not folder.exists()


def test_something_else_in_its_place_is_no_link(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / FRED).mkdir()
    with pytest.raises(OSError, match=r".+"):
        point(folder, FRED, Path("/srv/homes/fred"))


def test_links_of_people_who_are_gone_are_removed_and_nothing_else(folder: Path) -> None:
    sweep(folder, lambda _name: False)
    for name in (FRED, "SCHULE\\frida.lehrer"):
        point(folder, name, Path("/srv/homes/x"))
    (folder / "a file").touch()
    sweep(folder, lambda name: name == FRED)
    assert sorted(each.name for each in folder.iterdir()) == [FRED, "a file"]
