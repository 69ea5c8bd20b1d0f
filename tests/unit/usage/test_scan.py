"""Sizes on the disk: whose they are, and what is not followed."""

import os

import pytest

from appliance.usage.scan import UNFINISHED, Found, mailbox, scan

IDS = range(20_000, 60_000)
NOBODYS = range(2**40, 2**40 + 1)


def put(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


@pytest.fixture
def data(tmp_path):
    for name in ("mail", "homes", "groups"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_mailbox_counts_by_the_names(data):
    box = data / "mail" / "fred"
    put(box / "new" / "1.M1.host,S=1000,W=1020", 1)
    put(box / "cur" / "2.M1.host,S=200,W=210:2,S", 1)
    put(box / ".Sent" / "cur" / "3.host,S=30:2,", 1)
    put(box / "cur" / "4.host:2,S", 4)  # without a size in the name
    put(box / "tmp" / "5.host", 10_000)
    put(box / "dovecot.index.log", 10_000)
    put(box / "subscriptions", 10_000)
    assert mailbox(box) == 1234
    assert mailbox(data / "mail" / "nobody") == 0
    assert scan(data, IDS, ["fred", "nobody"], groups=False).mail == {"fred": 1234}


def test_files_of_a_home_that_are_no_accounts_count_to_the_home(data):
    put(data / "homes" / "fred" / "a", 10)
    put(data / "homes" / "fred" / "deep" / "er" / "b", 5)
    put(data / "homes" / "fred" / f"{UNFINISHED}17", 10_000)
    put(data / "homes" / "anna" / "c", 3)
    assert scan(data, NOBODYS, ["fred", "anna"], groups=False) == Found({}, {}, {"fred": 15, "anna": 3})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_count_to_their_owner_wherever_they_lie(data):
    fred, anna, other = 20_001, 20_002, 3
    for path, owner in (
        (put(data / "homes" / "fred" / "a", 10), fred),
        (put(data / "homes" / "fred" / "b", 20), anna),
        (put(data / "homes" / "fred" / "c", 40), other),
        (put(data / "groups" / "klasse3a" / "d" / "e", 80), fred),
        (put(data / "groups" / "klasse3a" / "f", 160), other),
    ):
        os.chown(path, owner, owner)
    assert scan(data, IDS, ["fred"], groups=True) == Found({}, {fred: 90, anna: 20}, {"fred": 40})
    assert scan(data, IDS, ["fred"], groups=False).files == {fred: 10, anna: 20}


def test_nothing_is_followed_out(data, tmp_path):
    put(tmp_path / "outside" / "big", 10_000)
    home = data / "homes" / "fred"
    home.mkdir()
    (home / "link").symlink_to(tmp_path / "outside" / "big")
    (home / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(home / "pipe")
    (data / "homes" / "anna").symlink_to(tmp_path / "outside")
    (data / "mail" / "fred").symlink_to(tmp_path / "outside")
    put(data / "homes" / ".removed-1" / "x", 10)
    found = scan(data, NOBODYS, ["fred", "anna", ".removed-1", "../outside"], groups=True)
    assert found == Found({}, {}, {})
    with pytest.raises(OSError, match=r"symbolic|directory"):
        mailbox(data / "mail" / "fred")


def test_a_tree_deeper_than_descriptors_is_counted(data):
    home = data / "homes" / "fred"
    home.mkdir()
    folder = os.open(home, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    leaf = os.open("leaf", os.O_WRONLY, dir_fd=folder)
    os.write(leaf, b"12345")
    os.close(leaf)
    os.close(folder)
    assert scan(data, NOBODYS, ["fred"], groups=False).homes == {"fred": 5}


def test_without_folders_there_is_nothing(tmp_path):
    assert scan(tmp_path, IDS, ["fred"], groups=True) == Found()
