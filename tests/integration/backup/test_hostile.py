"""What people make in their folders must not cost the others their copy."""

import errno
import os
import stat
from datetime import UTC, datetime

from appliance.backup import standing
from appliance.backup.committing import _FULL
from appliance.backup.run import copy


def test_a_path_too_long_to_be_copied_costs_nobody_else_the_copy(school):
    home = school.home()
    other = school.put(school.home("erika.lehmann") / "letter")
    school.put(school.data / "groups" / "klasse3a" / "list")
    folder = os.open(home, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=folder)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    made = copy(school.settings, lambda *_: None)
    done = school.copies / made["snapshot"]
    assert (done / "homes" / "erika.lehmann" / "letter").read_bytes() == other.read_bytes()
    assert (done / "groups" / "klasse3a" / "list").exists()
    assert any("1 of homes could not be copied" in warning for warning in made["warnings"])
    told = school.own_folder / "left-out"
    assert "File name too long" in told.read_text()
    assert stat.S_IMODE(told.stat().st_mode) == 0o600
    well, text = standing.judged(standing.read(school.own_folder), 3600, datetime.now(UTC))
    assert not well
    assert "fred" not in text
    _remove(home)
    assert copy(school.settings, lambda *_: None)["left_out"] is None
    assert not told.exists()
    assert standing.judged(standing.read(school.own_folder), 3600, datetime.now(UTC))[0]


def test_no_time_of_a_file_costs_the_others_the_copy(school):
    home = school.home()
    far = school.put(home / "far")
    os.utime(far, ns=(15_000_000_000 * 10**9,) * 2)
    long_ago = school.put(home / "long-ago")
    os.utime(long_ago, (-2_000_000_000,) * 2)
    school.put(school.home("erika.lehmann") / "letter")
    paths = school.check(school.copy().name)
    assert paths["homes", "fred.mustermann"] == {b".", b"far", b"long-ago"}


def test_attributes_that_do_not_fit_are_no_full_disk(school):
    """The second place adds its own to them, and some disks have little room for all of a file's together."""
    full = school.put(school.home() / "full")
    with full.open("rb") as file:
        for number, size in enumerate((3900, 1000, 500, 200, 100, 50, 25, 12, 6, 3, 1)):
            try:
                os.setxattr(file.fileno(), f"user.{number}", b"x" * size)
            except OSError as error:
                assert error.errno in (errno.ENOSPC, errno.E2BIG)
    letter = school.put(school.home("erika.lehmann") / "letter")
    done = school.copy()
    assert (done / "homes" / "erika.lehmann" / "letter").read_bytes() == letter.read_bytes()
    assert (done / "homes" / "fred.mustermann" / "full").read_bytes() == full.read_bytes()


def test_a_name_is_no_complaint():
    assert _FULL.search(b'x\nrsync: [receiver] write failed on "/a b/c": No space left on device (28)\n')
    assert _FULL.search(b'rsync: [generator] recv_generator: mkdir "/a" failed: Disk quota exceeded (122)\n')
    for said in (
        b'rsync: [receiver] rsync_xal_set: fsetxattr("/a","user.x") failed: No space left on device (28)\n',
        b'rsync: [sender] send_files failed to open "/No space left on device (28)": Permission denied (13)\n',
        b'file has vanished: "/a: No space left on device (28)"\n',
    ):
        assert not _FULL.search(said)


def _remove(home):
    """Move each folder up before it is removed, as no path reaches down there."""
    top = home / ("d" * 200)
    while (inner := top / ("d" * 200)).exists():
        inner.rename(home / "next")
        top.rmdir()
        (home / "next").rename(top)
    top.rmdir()
