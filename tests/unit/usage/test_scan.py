"""Sizes on the disk: whose they are, and what is not followed."""

import os

import pytest

from appliance.daemon.walking import Walk
from appliance.usage import weight
from appliance.usage.scan import Found, mailbox, scan
from appliance.usage.unfinished import UNFINISHED

IDS = range(20_000, 60_000)
NOBODYS = range(2**40, 2**40 + 1)


def put(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


@pytest.fixture
def bytes_alone(monkeypatch):
    """Let names weigh nothing, so that sums are those of the files' bytes."""
    monkeypatch.setattr(weight, "LEAST", 0)


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
    assert scan(data, IDS, ["fred", "nobody"], groups=()).mail == {"fred": 1234}


def test_files_of_a_home_count_to_the_home_unfinished_ones_too(data, bytes_alone):
    put(data / "homes" / "fred" / "a", 10)
    put(data / "homes" / "fred" / "deep" / "er" / "b", 5)
    put(data / "homes" / "fred" / f"{UNFINISHED}17", 10_000)
    put(data / "homes" / "anna" / "c", 3)
    assert scan(data, NOBODYS, ["fred", "anna"], groups=()) == Found({}, {}, {"fred": 10_015, "anna": 3})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_home_pays_for_what_is_in_it_and_in_a_group_the_owner(data, bytes_alone):
    fred, anna, other = 20_001, 20_002, 3
    for path, owner in (
        (put(data / "homes" / "fred" / "a", 10), fred),
        (put(data / "homes" / "fred" / "b", 20), anna),
        (put(data / "homes" / "fred" / "c", 40), other),
        (put(data / "groups" / "klasse3a" / "d" / "e", 80), fred),
        (put(data / "groups" / "klasse3a" / "f", 160), other),
    ):
        os.chown(path, owner, owner)
    assert scan(data, IDS, ["fred"], groups=None) == Found({}, {fred: 80}, {"fred": 70})
    assert scan(data, IDS, ["fred"], groups=()) == Found({}, {}, {"fred": 70})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_more_names_for_a_file_make_nobody_pay_more(data, bytes_alone):
    fred = 20_001
    poster = put(data / "groups" / "klasse3a" / "poster", 100)
    os.chown(poster, fred, fred)
    put(data / "homes" / "anna" / "own", 1)
    (data / "groups" / "club").mkdir()
    for name in ("groups/klasse3a/again", "groups/club/again", "homes/anna/a", "homes/anna/b"):
        os.link(poster, data / name)
    assert scan(data, IDS, ["fred", "anna"], groups=None) == Found({}, {fred: 100}, {"anna": 101})


def test_nothing_is_followed_out(data, tmp_path):
    put(tmp_path / "outside" / "big", 10_000)
    home = data / "homes" / "fred"
    home.mkdir()
    (home / "link").symlink_to(tmp_path / "outside" / "big")
    (home / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(home / "pipe")
    names = 3
    (data / "homes" / "anna").symlink_to(tmp_path / "outside")
    (data / "mail" / "fred").symlink_to(tmp_path / "outside")
    put(data / "homes" / ".removed-1" / "x", 10)
    found = scan(data, NOBODYS, ["fred", "anna", ".removed-1", "../outside"], groups=None)
    assert found == Found({}, {}, {"fred": names * weight.LEAST})
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
    found = scan(data, NOBODYS, ["fred"], groups=())
    assert found.homes == {"fred": 301 * weight.LEAST}
    assert found.deep == {"homes/fred"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_each_name_weighs_a_block_at_least_for_whom_it_belongs_to(data):
    """A million empty files, folders or links would be free else, and a load for each count and copy."""
    fred, anna = 20_001, 20_002
    put(data / "homes" / "fred" / "empty", 0)
    put(data / "homes" / "fred" / "folder" / "full", weight.LEAST + 1)
    (data / "groups" / "klasse3a" / "plan").mkdir(parents=True)
    (data / "groups" / "klasse3a" / "link").symlink_to("x")
    os.chown(data / "groups" / "klasse3a" / "plan", anna, anna)
    os.chown(data / "groups" / "klasse3a" / "link", fred, fred, follow_symlinks=False)
    found = scan(data, IDS, ["fred"], groups=None)
    assert found == Found({}, {fred: weight.LEAST, anna: weight.LEAST}, {"fred": 3 * weight.LEAST + 1})


def test_only_the_groups_named_are_counted(data):
    for name in ("a", "b"):
        put(data / "groups" / name / "x", 5_000)
    owner = os.getuid()
    assert scan(data, range(owner, owner + 1), [], groups=["a", "none"]).files == {owner: 5_000}


def test_no_folder_is_asked_for_its_whole_way(data, monkeypatch):
    """That costs its depth: a count of very deep trees would stop all others."""
    put(data / "homes" / "fred" / "a" / "b" / "x", 1)
    monkeypatch.setattr(Walk, "parts", property(lambda _walk: pytest.fail("asked")))
    assert scan(data, NOBODYS, ["fred"], groups=()).homes == {"fred": 3 * weight.LEAST}


def test_a_tree_may_be_as_deep_as_our_services_let_it_be(data):
    put(data.joinpath("homes", "fred", *"d" * 128) / "leaf", 1)
    put(data.joinpath("groups", "a", *["d" * 200] * 6) / "leaf", 1)
    assert scan(data, IDS, ["fred"], groups=None).deep == {"groups/a"}


def test_without_folders_there_is_nothing(tmp_path):
    assert scan(tmp_path, IDS, ["fred"], groups=None) == Found()
