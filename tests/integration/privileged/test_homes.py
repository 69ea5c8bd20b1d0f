"""Homes on a real disk, with owners who work against us."""

import contextlib
import os
import shutil
import stat
import threading
from pathlib import Path
from tempfile import mkdtemp

import pytest

from appliance.privileged.homes import Homes
from appliance.privileged.shelf import HomeError

ROOT = os.geteuid() == 0
UID, GID = (20001, 20002) if ROOT else (os.geteuid(), os.getegid())


@pytest.fixture
def place():
    """A folder that every user may enter, unlike pytest's own."""
    made = Path(mkdtemp(prefix="ss-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def folder(place):
    made = place / "homes"
    made.mkdir(mode=0o711)
    return made


@pytest.fixture
def homes(folder):
    return Homes(folder)


def test_made_once_for_its_owner_alone(homes, folder):
    assert homes.make("fred.mustermann", UID, GID) is True
    found = folder.joinpath("fred.mustermann").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o700, UID, GID)
    folder.joinpath("fred.mustermann", "letter").write_text("mine")
    assert homes.make("fred.mustermann", UID, GID) is False
    assert [path.name for path in folder.iterdir()] == ["fred.mustermann"]
    assert folder.joinpath("fred.mustermann", "letter").read_text() == "mine"


def test_mode_and_group_are_set_again(homes, folder):
    homes.make("fred", UID, GID)
    folder.joinpath("fred").chmod(0o755)
    if ROOT:
        os.chown(folder / "fred", UID, 0)
    homes.make("fred", UID, GID)
    found = folder.joinpath("fred").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o700, GID)


@pytest.mark.skipif(not ROOT, reason="needs a second user")
def test_a_login_given_again_does_not_open_the_old_files(homes, folder):
    homes.make("fred", UID, GID)
    folder.joinpath("fred", "letter").write_text("mine")
    assert homes.make("fred", UID + 1, GID) is True
    assert list(folder.joinpath("fred").iterdir()) == []
    assert folder.joinpath("fred").stat().st_uid == UID + 1
    assert [(one.name, one.number) for one in homes.former()] == [("fred", UID)]


@pytest.mark.skipif(not ROOT, reason="needs a second user")
def test_a_folder_of_the_systems_own_is_nobodys_home(homes, folder):
    folder.joinpath("fred").mkdir()
    with pytest.raises(HomeError, match="belongs to no id"):
        homes.make("fred", UID, GID)
    assert homes.put_aside("fred", 0) is False
    assert folder.joinpath("fred").is_dir()


def test_a_link_in_its_place_is_refused(homes, folder, place):
    target = place / "target"
    target.mkdir(mode=0o755)
    folder.joinpath("fred").symlink_to(target)
    with pytest.raises(HomeError, match="no folder"):
        homes.make("fred", UID, GID)
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert homes.remove("fred") is True
    assert target.is_dir()


def test_removed_with_everything_but_what_links_point_to(homes, folder, place):
    outside = place / "outside"
    outside.mkdir()
    outside.joinpath("kept").write_text("kept")
    homes.make("fred", UID, GID)
    home = folder / "fred"
    home.joinpath("a", "b", "c").mkdir(parents=True)
    home.joinpath("a", "b", "c", "file").write_text("x")
    home.joinpath("a", "link").symlink_to(outside)
    home.joinpath("file-link").symlink_to(outside / "kept")
    home.joinpath("dangling").symlink_to("nowhere")
    os.link(outside / "kept", home / "hard")
    os.mkfifo(home / "fifo")
    home.joinpath("ünï\udcff").mkdir()
    home.joinpath("a", "closed").mkdir()
    home.joinpath("a", "closed", "in").mkdir()
    home.joinpath("a", "closed", "in").chmod(0)
    home.joinpath("a", "closed").chmod(0)
    home.joinpath("a", "readonly", "in").mkdir(parents=True)
    home.joinpath("a", "readonly").chmod(0o500)
    assert homes.remove("fred") is True
    assert list(folder.iterdir()) == []
    assert outside.joinpath("kept").read_text() == "kept"


def test_what_is_not_there_is_not_removed(homes):
    assert homes.remove("fred") is False


def test_a_tree_deeper_than_any_stack_or_path(homes, folder):
    homes.make("fred", UID, GID)
    at = os.open(folder / "fred", os.O_DIRECTORY)
    for _ in range(3000):
        os.mkdir("deep", dir_fd=at)
        below = os.open("deep", os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    assert homes.remove("fred") is True
    assert list(folder.iterdir()) == []


def test_what_a_power_cut_left_is_swept(homes, folder):
    folder.joinpath(".removed-0123", "a", "b").mkdir(parents=True)
    folder.joinpath(".making-4567").mkdir()
    homes.make("fred", UID, GID)
    assert homes.sweep() == 0
    assert [path.name for path in folder.iterdir()] == ["fred"]


@pytest.mark.skipif(not ROOT, reason="needs a second user")
def test_an_owner_who_swaps_folders_for_links_meanwhile_reaches_nothing(homes, folder, place):
    outside = place / "outside"
    outside.mkdir()
    for number in range(50):
        outside.joinpath(f"kept{number}").write_text("kept")
    for _ in range(15):
        homes.make("fred", UID, GID)
        reading, writing = os.pipe()
        attacker = os.fork()
        if attacker == 0:
            try:
                os.setgroups([])
                os.setresgid(GID, GID, GID)
                os.setresuid(UID, UID, UID)
                attack(folder / "fred", outside, writing)
            finally:
                os._exit(0)
        os.close(writing)
        assert os.read(reading, 1) == b"!"
        assert homes.remove("fred") is True
        os.close(reading)
        os.kill(attacker, 9)
        os.waitpid(attacker, 0)
        assert len(list(outside.iterdir())) == 50
        assert [path.name for path in folder.iterdir()] == []


def attack(home, outside, writing):
    at = os.open(home, os.O_DIRECTORY)
    for number in range(30):
        os.makedirs(home / f"d{number}" / "x", exist_ok=True)
    os.write(writing, b"!")
    while True:
        for number in range(30):
            for act in (
                lambda name: os.rename(name, f"{name}.away", src_dir_fd=at, dst_dir_fd=at),
                lambda name: os.symlink(outside, name, dir_fd=at),
                lambda name: os.unlink(name, dir_fd=at),
                lambda name: os.rename(f"{name}.away", name, src_dir_fd=at, dst_dir_fd=at),
            ):
                with contextlib.suppress(OSError):
                    act(f"d{number}")


def test_many_makes_from_one_thread_after_another(homes, folder):
    made = []
    lock = threading.Lock()

    def make(number):
        with lock:
            made.append(homes.make(f"pupil{number % 10}", UID + number % 10, GID))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.count(True) == 10
    assert len(list(folder.iterdir())) == 10
