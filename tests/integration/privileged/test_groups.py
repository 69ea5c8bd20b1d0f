"""Group folders on a real disk."""

import os
import stat
from pathlib import Path

import pytest

from appliance.privileged.groups import Groups
from appliance.privileged.shelf import HomeError

GID = 30001 if os.geteuid() == 0 else os.getegid()


def test_a_folder_for_members_only(tmp_path: Path) -> None:
    groups = Groups(tmp_path)
    assert groups.make("klasse3a", GID)
    assert not groups.make("klasse3a", GID)
    found = (tmp_path / "klasse3a").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o2770, os.geteuid(), GID)
    assert os.listdir(tmp_path) == ["klasse3a"]


def test_its_mode_comes_back(tmp_path: Path) -> None:
    Groups(tmp_path).make("klasse3a", GID)
    (tmp_path / "klasse3a").chmod(0o755)
    Groups(tmp_path).make("klasse3a", GID)
    assert stat.S_IMODE((tmp_path / "klasse3a").stat().st_mode) == 0o2770


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to a group")
def test_a_name_given_to_a_new_group_does_not_open_the_old_one(tmp_path: Path) -> None:
    Groups(tmp_path).make("klasse3a", GID)
    (tmp_path / "klasse3a" / "poster").touch()
    assert Groups(tmp_path).make("klasse3a", GID + 1) is True
    assert list((tmp_path / "klasse3a").iterdir()) == []
    assert (tmp_path / "klasse3a").stat().st_gid == GID + 1


def test_something_else_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(HomeError, match="no folder"):
            Groups(tmp_path).make(name, GID)
