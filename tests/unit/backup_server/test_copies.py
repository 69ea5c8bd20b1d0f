"""Files with as many names as the disk allows, and more in the next snapshot."""

import os

import pytest

from appliance.backup_server import tree
from appliance.backup_server.adopt import Adopter
from appliance.backup_server.manifest import Entry

NAMES = 33_000  # twice as many are more than ext4 has room for


@pytest.fixture
def folders(tmp_path):
    """An open folder with a file of many names, and an empty one."""
    for name in ("from", "into"):
        (tmp_path / name).mkdir()
    (tmp_path / "from" / "0").write_bytes(b"content")
    os.setxattr(tmp_path / "from" / "0", "user.note", b"x")
    held = [os.open(tmp_path / name, tree.INTO) for name in ("from", "into")]
    for number in range(1, NAMES):
        os.link("0", str(number), src_dir_fd=held[0], dst_dir_fd=held[0])
    yield held
    for one in held:
        os.close(one)


def check(folder):
    """All names are there, in hardly more inodes than one."""
    found = [os.stat(str(number), dir_fd=folder, follow_symlinks=False) for number in range(NAMES)]
    assert len({one.st_ino for one in found}) <= 2
    assert len({(one.st_size, one.st_mtime_ns) for one in found}) == 1
    last = os.open(str(NAMES - 1), os.O_RDONLY, dir_fd=folder)
    assert os.read(last, 100) == b"content"
    assert os.getxattr(last, "user.note") == b"x"
    os.close(last)


def test_a_snapshot_of_a_file_with_very_many_names_is_made(folders):
    tree.clone(*folders)
    check(folders[1])


def test_a_file_with_very_many_names_is_taken_in(folders):
    found = os.stat("0", dir_fd=folders[0])
    adopter = Adopter(os.geteuid(), os.getegid(), anew=False)
    for number in range(NAMES):
        name = b"%d" % number
        entry = Entry("f", 0o600, 1, 1, found.st_mtime_ns, found.st_size, "0" * 64, "-", name)
        assert adopter.file(folders[0], name, folders[1], entry)
    check(folders[1])
