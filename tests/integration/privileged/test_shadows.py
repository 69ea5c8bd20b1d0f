"""Former versions on a real btrfs: whole, read-only, without mail, and gone when they shall be."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.daemon import btrfs as volumes
from appliance.privileged.forgetting import Deleted
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from appliance.privileged.shadows import Shadows
from appliance.setup.subvolumes import apart
from tests.integration.demo.waiting import eventually
from tests.integration.privileged.test_service import SUPERVISOR, asked_by
from tests.integration.support_btrfs import btrfs, hindrance

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
STAMP = "@GMT-2026.11.20-07.30.00"
RIGHTS = "-all,+chown,+dac_override,+fowner,+fsetid,+kill"
"""Those of the helper's unit: it may not mount, and not remove a subvolume that is not empty."""

on_btrfs = pytest.mark.skipif(bool(hindrance()), reason=hindrance() or "btrfs")


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "srv"
    root.mkdir()
    with btrfs(root):
        for name in ("homes", "groups"):
            (root / name).mkdir(0o755)
        yield root


@pytest.fixture
def shadows(data):
    return Shadows(data, "SCHULE", lambda: NOW)


def helper(data, code):
    """Do ``code`` with ``shadows`` as the helper's unit lets it; what it printed."""
    text = "import pathlib\nfrom appliance.privileged.shadows import Shadows\n"
    text += f"shadows = Shadows(pathlib.Path({str(data)!r}), 'X')"
    argv = ["setpriv", f"--bounding-set={RIGHTS}", "--inh-caps=-all", "--no-new-privs", "/usr/bin/python3", "-P", "-c"]
    done = subprocess.run(
        [*argv, f"{text}\n{code}"], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_another_file_system_has_none(tmp_path):
    assert Shadows(tmp_path, "SCHULE").hindrance() == "the disk of the data is not btrfs"
    assert Shadows(tmp_path, "SCHULE").taken() == ()
    (tmp_path / "mail").mkdir()
    assert not apart(tmp_path)


@on_btrfs
def test_all_is_as_it_was_with_owners_modes_and_lists_of_rights(data, shadows):
    Homes(data / "homes").make("fred.muster", 20000, 20000)
    Groups(data / "groups").make("class3a", 20100)
    (data / "homes" / "fred.muster" / "a").write_text("one")
    assert shadows.hindrance() is None
    assert shadows.take() == STAMP
    (data / "homes" / "fred.muster" / "a").write_text("two")
    tree = data / ".shadows" / STAMP / "tree"
    assert (tree / "homes" / "fred.muster" / "a").read_text() == "one"
    for path in ("homes", "homes/fred.muster", "groups/class3a"):
        before, after = (data / path).stat(), (tree / path).stat()
        assert (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid)
    acl = "system.posix_acl_default"
    assert os.getxattr(tree / "groups" / "class3a", acl) == os.getxattr(data / "groups" / "class3a", acl)
    with pytest.raises(OSError, match="Read-only"):
        (tree / "homes" / "fred.muster" / "a").write_text("three")
    assert shadows.taken() == [STAMP]
    assert not (tree / ".shadows" / STAMP).exists()


@on_btrfs
def test_a_deep_home_is_removed_there_too(data):
    """Btrfs lists no entry that came after a descriptor was rewound."""
    homes = Homes(data / "homes")
    homes.make("fred.muster", 20000, 20000)
    (data / "homes" / "fred.muster" / "a" / "b" / "c").mkdir(parents=True)
    (data / "homes" / "fred.muster" / "a" / "b" / "file").write_text("one")
    assert homes.remove("fred.muster")
    assert os.listdir(data / "homes") == []


@on_btrfs
def test_mail_has_no_part_in_it(data, shadows):
    (data / "mail").mkdir(0o700)
    os.chown(data / "mail", 990, 990)
    assert "mail is no subvolume of its own" in shadows.hindrance()
    assert shadows.hindrance().endswith('see "Former versions" in the handbook')
    assert apart(data)
    assert not apart(data)
    made = (data / "mail").stat()
    assert (made.st_mode & 0o777, made.st_uid, made.st_gid) == (0o700, 990, 990)
    (data / "mail" / "letter").write_text("private")
    assert shadows.hindrance() is None
    shadows.take()
    assert list((data / ".shadows" / STAMP / "tree" / "mail").iterdir()) == []


@on_btrfs
def test_a_mailbox_that_is_in_use_is_left_alone(data, shadows):
    (data / "mail").mkdir()
    (data / "mail" / "letter").write_text("private")
    assert not apart(data)
    assert (data / "mail" / "letter").read_text() == "private"
    assert sorted(os.listdir(data)) == ["groups", "homes", "mail"]


@on_btrfs
def test_a_plain_folder_of_btrfs_has_none(data):
    (data / "inner").mkdir()
    said = Shadows(data / "inner", "SCHULE").hindrance()
    assert said.endswith('is no subvolume of its own; see "Former versions" in the handbook')


@on_btrfs
def test_the_helper_gives_them_up_with_no_more_rights_than_it_has(data, shadows):
    Homes(data / "homes").make("fred.muster", 20000, 20000)
    (data / "homes" / "fred.muster" / "a").write_text("one")
    shadows.take()
    assert helper(data, f"print(shadows.remove({STAMP!r}), shadows.remove({STAMP!r}))") == "True False"
    assert os.listdir(data / ".shadows") == []
    helper(data, "shadows.take()")
    assert len(shadows.taken()) == 1


@on_btrfs
def test_what_is_deleted_for_good_is_taken_out_of_all(data, shadows):
    """K23; the others' stay, read-only as before."""
    homes = Homes(data / "homes")
    for login, uid in (("fred.muster", 20000), ("ida.muster", 20001)):
        homes.make(login, uid, uid)
        (data / "homes" / login / "a").write_text(login)
    shadows.take()
    homes.put_aside("fred.muster", 20000)
    homes.make("fred.muster", 20002, 20002)
    later = Shadows(data, "SCHULE", lambda: NOW.replace(hour=9))
    later.take()
    (former,) = homes.former()
    assert shadows.forget(Deleted("homes", former.name, former.number)) == 2
    first, second = (data / ".shadows" / stamp for stamp in shadows.taken())
    assert sorted(path.name for path in (first / "tree" / "homes").iterdir()) == ["ida.muster"]
    assert sorted(path.name for path in (second / "tree" / "homes").iterdir()) == ["fred.muster", "ida.muster"]
    assert not os.path.lexists(first / r"SCHULE\fred.muster")
    assert os.path.lexists(second / r"SCHULE\fred.muster")
    with pytest.raises(OSError, match="Read-only"):
        (first / "tree" / "homes" / "ida.muster" / "a").unlink()


@on_btrfs
def test_what_is_being_deleted_at_that_moment_is_in_none(data, shadows):
    """A home is thrown away in a moment, and emptied in minutes."""
    homes = Homes(data / "homes")
    homes.make("fred.muster", 20000, 20000)
    homes.make("ida.muster", 20001, 20001)
    (data / "homes" / "fred.muster" / "a").write_text("private")
    (data / "homes" / "fred.muster").rename(data / "homes" / ".removed-1")
    (data / "groups" / ".removed-2" / "a").mkdir(parents=True)
    shadows.take()
    tree = data / ".shadows" / STAMP / "tree"
    assert os.listdir(tree / "homes") == ["ida.muster"]
    assert os.listdir(tree / "groups") == []
    with pytest.raises(OSError, match="Read-only"):
        (tree / "homes" / "new").mkdir()


@on_btrfs
def test_one_made_before_that_was_mended_forgets_it_with_the_next(data, shadows):
    (data / "homes" / "x").mkdir()
    shadows.take()
    tree = data / ".shadows" / STAMP / "tree"
    descriptor = os.open(tree, os.O_RDONLY)
    volumes.set_read_only(descriptor, False)
    (tree / "homes" / "x").rename(tree / "homes" / ".removed-1")
    volumes.set_read_only(descriptor, True)
    os.close(descriptor)
    assert shadows.forget(Deleted("homes", "fred.muster", 20000)) == 1
    assert os.listdir(tree / "homes") == []


@on_btrfs
def test_who_had_another_login_is_forgotten_and_another_of_his_number_is_not(data, shadows):
    homes = Homes(data / "homes")
    for login, uid in (("fred.muster", 20000), ("ida.muster", 20001)):
        homes.make(login, uid, uid)
    shadows.take()
    (data / "homes" / "fred.muster").rename(data / "homes" / "fred.married")  # the same person and number
    (data / "homes" / "ida.muster").rename(data / "homes" / ".former-20261101-20001-ida.muster")
    homes.make("new.person", 20001, 20001)
    later = Shadows(data, "SCHULE", lambda: NOW.replace(hour=9))
    later.take()
    assert shadows.forget(Deleted("homes", "fred.married", 20000)) == 2
    assert shadows.forget(Deleted("homes", "ida.muster", 20001, tuple(homes.others("ida.muster", 20001)))) == 2
    first, second = (data / ".shadows" / stamp / "tree" / "homes" for stamp in shadows.taken())
    assert os.listdir(first) == []
    assert os.listdir(second) == ["new.person"]


@on_btrfs
def test_what_a_power_cut_left_is_put_right(data, shadows):
    shadows.take()
    place = data / ".shadows"
    tree = os.open(place / STAMP / "tree", os.O_RDONLY)
    volumes.set_read_only(tree, False)
    os.close(tree)
    (place / ".making-1").mkdir()
    (place / ".removed-1").mkdir()
    folder, source = os.open(place / ".removed-1", os.O_RDONLY), os.open(data, os.O_RDONLY)
    volumes.snapshot(source, "tree", folder)
    os.close(folder)
    os.close(source)
    assert shadows.sweep() == 0
    assert os.listdir(place) == [STAMP]
    with pytest.raises(OSError, match="Read-only"):
        (place / STAMP / "tree" / "new").mkdir()


@on_btrfs
def test_one_that_cannot_be_made_whole_leaves_nothing(data, shadows, monkeypatch):
    def fails(*_, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "symlink", fails)
    Homes(data / "homes").make("fred.muster", 20000, 20000)
    with pytest.raises(OSError, match="No space"):
        shadows.take()
    assert os.listdir(data / ".shadows") == []


def ask(place, verb, **arguments):
    """What the helper answers to the supervisor."""
    line = json.dumps({"id": 1, "verb": verb, "arguments": arguments}).encode() + b"\n"
    path = place.runtime / "privileged" / "privileged.sock"
    return json.loads(asked_by(SUPERVISOR, SUPERVISOR, path, line))


@on_btrfs
def test_the_carer_deletes_a_former_home_and_it_is_nowhere_any_more(place):
    """K23, by the helper's own verbs."""
    place.data.mkdir()
    with btrfs(place.data):
        place.start("privileged")
        try:
            assert ask(place, "home-make", login="fred.muster", uid=20001, gid=20001)["result"]["made"]
            ask(place, "home-make", login="ida.muster", uid=20002, gid=20002)
            (place.data / "homes" / "fred.muster" / "a").write_text("private")
            stamp = ask(place, "shadows-take")["result"]["stamp"]
            assert ask(place, "shadows-list")["result"] == {"hindrance": None, "taken": [stamp]}
            which = {"kind": "homes", "name": "fred.muster", "number": 20001}
            assert ask(place, "folder-aside", **which)["result"]["done"]
            kept = place.data / ".shadows" / stamp / "tree" / "homes"
            assert (kept / "fred.muster" / "a").read_text() == "private"
            assert ask(place, "folder-remove", **which)["result"]["done"]
            eventually(lambda: [path.name for path in kept.iterdir()] == ["ida.muster"])
            assert ask(place, "shadows-remove", stamp=stamp)["result"]["removed"]
        finally:
            place.stop()


@on_btrfs
def test_what_was_to_be_forgotten_is_forgotten_after_a_restart(place):
    """The helper ends between the wish and its fulfilment."""
    place.data.mkdir()
    with btrfs(place.data):
        place.start("privileged")
        try:
            for login, uid in (("fred.muster", 20001), ("ida.muster", 20002)):
                ask(place, "home-make", login=login, uid=uid, gid=uid)
            stamp = ask(place, "shadows-take")["result"]["stamp"]
            place.stop()
            shadows = place.data / ".shadows"
            assert Shadows(place.data, "SCHULE").note(Deleted("homes", "fred.muster", 20001))
            (shadows / ".forget-half").write_text('{"kind": "ho')
            kept = shadows / stamp / "tree" / "homes"
            assert len(os.listdir(kept)) == 2
            place.start("privileged")
            eventually(lambda: os.listdir(kept) == ["ida.muster"])
            eventually(lambda: os.listdir(shadows) == [stamp])
        finally:
            place.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs other users")
def test_who_asks_hears_why_there_are_none(place):
    place.start("privileged")
    assert ask(place, "shadows-list")["result"] == {"hindrance": "the disk of the data is not btrfs", "taken": []}
    assert ask(place, "shadows-take")["error"]["kind"] == "conflict"
    for stamp in ("@GMT-2026.11.20-07.30.00/../..", "homes", ".."):
        assert ask(place, "shadows-remove", stamp=stamp)["error"]["kind"] == "bad-argument"
    assert ask(place, "shadows-remove", stamp=STAMP)["result"] == {"removed": False}
    assert (place.data / "homes").is_dir()
