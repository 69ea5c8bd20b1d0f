"""What a cut upload leaves is found and removed; nothing else ever is, whatever a pupil has laid there."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from appliance.fileshare.smb.remains import Remains, clear

CUT = 1001
ME = os.getuid()
SHOWN = ("Home",)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder on a disk that knows when files were made."""
    probe = tmp_path / "probe"
    probe.touch()
    said = subprocess.run(["stat", "--format=%W", probe], capture_output=True, text=True, check=True).stdout
    if int(said) == 0:
        pytest.skip("this disk does not know when files were made")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def cleared(home: Path, begun: float | None = None, since: float | None = None, uid: int = ME) -> list[Remains]:
    now = time.time()
    return list(clear(home, SHOWN, uid, {CUT: since or now - 10}, begun or now - 10))


def test_a_cut_file_is_removed_however_deep_it_lies(home: Path) -> None:
    deep = home / "a" / "b\u00e4" / "c d"
    deep.mkdir(parents=True)
    for path in (home / "film", deep / "film"):
        path.write_bytes(bytes(CUT))
    whole = home / "whole"
    whole.write_bytes(bytes(CUT - 1))
    found = cleared(home)
    assert {one.parts for one in found} == {("Home", "film"), ("Home", "a", "b\u00e4", "c d", "film")}
    assert all(one.removed for one in found)
    assert whole.exists()
    assert not (deep / "film").exists()
    assert cleared(home) == []


def test_what_was_not_changed_since_that_limit_was_in_force_is_not_looked_at(home: Path) -> None:
    (home / "film").write_bytes(bytes(CUT))
    assert cleared(home, since=time.time() + 100) == []
    assert (home / "film").exists()


def test_what_was_there_before_the_session_stays_and_is_named(home: Path) -> None:
    (home / "film").write_bytes(bytes(CUT))
    assert cleared(home, begun=time.time() + 100) == [Remains(("Home", "film"), removed=False)]
    assert (home / "film").exists()


def test_what_has_another_name_stays(home: Path, tmp_path: Path) -> None:
    """The other name may be somebody else's."""
    (tmp_path / "other").write_bytes(bytes(CUT))
    (home / "film").hardlink_to(tmp_path / "other")
    assert cleared(home) == [Remains(("Home", "film"), removed=False)]
    assert (home / "film").exists()


def test_no_link_leads_out_of_the_folder(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "film").write_bytes(bytes(CUT))
    (home / "link").symlink_to(outside / "film")
    (home / "folder").symlink_to(outside)
    assert cleared(home) == []
    assert (outside / "film").exists()
    assert (home / "link").is_symlink()


def test_a_folder_that_is_a_link_itself_is_none(home: Path, tmp_path: Path) -> None:
    (home / "film").write_bytes(bytes(CUT))
    (tmp_path / "link").symlink_to(home)
    with pytest.raises(OSError, match=r"link"):
        cleared(tmp_path / "link")
    assert (home / "film").exists()


def test_what_is_no_file_is_left_alone(home: Path) -> None:
    os.mkfifo(home / "pipe")
    (home / "hole").mkdir()
    assert cleared(home) == []


@pytest.mark.skipif(ME != 0, reason="only root gives files away")
def test_what_others_made_stays(home: Path) -> None:
    (home / "film").write_bytes(bytes(CUT))
    os.chown(home / "film", 20001, 20001)
    assert cleared(home, uid=20000) == []
    assert (home / "film").exists()


def test_where_nothing_is_nothing_is_done(home: Path) -> None:
    assert cleared(home / "none") == []


def test_a_folder_in_which_nothing_can_be_removed_ends_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner may have made it sticky, or the carer immutable: the others go all the same."""
    closed = home / "closed"
    closed.mkdir()
    for path in (closed / "film", home / "film"):
        path.write_bytes(bytes(CUT))
    unlink, where = os.unlink, closed.stat().st_ino

    def refused(name: str, *, dir_fd: int) -> None:
        if os.fstat(dir_fd).st_ino == where:
            raise PermissionError
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refused)
    assert {one.parts[-2]: one.removed for one in cleared(home)} == {"Home": True, "closed": False}
