"""From a snapshot to whom it belongs: byte for byte, nothing overwritten, nobody else."""

import contextlib
import os
import signal
import stat
import subprocess

import pytest

from appliance.backup.problem import BackupError
from appliance.backup.restore import restore
from appliance.backup.wanted import Wanted
from tests.integration.backup.conftest import AS_ROOT, LONG_AGO, UID

LOGIN = "fred.mustermann"


def wanted(*paths, part="homes", name=LOGIN, number=UID, date=None, room=None):
    return Wanted(part, name, number, paths, date, room)


def back(school, *paths, **more):
    return restore(school.settings, wanted(*paths, **more))


def refused(school, *paths, **more):
    with pytest.raises(BackupError) as caught:
        back(school, *paths, **more)
    assert sorted(one.name for one in (school.data / "homes").iterdir() if one.name.startswith(".")) == []
    return caught.value.kind


def everything(folder):
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))


def test_a_file_comes_back_byte_for_byte(school):
    home, content = school.home(), os.urandom(200_000)
    path = "Documents/Brief über 'Äpfel' * $x.odt"
    letter = school.put(home / path, content)
    os.setxattr(letter, "user.DOSATTRIB", b"0x20")
    name = school.copy().name
    letter.write_bytes(b"spoiled")
    came = back(school, path.replace("*", "[*]"))
    assert (came["snapshot"], came["files"], came["lacking"], came["left"]) == (name, 1, 0, 0)
    assert came["folder"].startswith("Wiederhergestellt-20")
    again = home / came["folder"] / path
    found = again.stat()
    assert again.read_bytes() == content
    assert (found.st_uid, stat.S_IMODE(found.st_mode), int(found.st_mtime)) == (UID, 0o640, LONG_AGO)
    assert os.getxattr(again, "user.DOSATTRIB") == b"0x20"
    assert not [name for name in os.listxattr(again) if "rsync" in name]
    assert (home / came["folder"]).stat().st_uid == UID
    assert stat.S_IMODE((home / came["folder"]).stat().st_mode) == 0o700
    assert letter.read_bytes() == b"spoiled"
    assert not AS_ROOT or came["added"] == {str(UID): 2 * 4096 + len(content)}
    assert back(school, "Documents/*", date=name)["folder"] == f"{came['folder']}-2"
    assert [one.name for one in (school.data / "homes").iterdir()] == [LOGIN]


def test_a_pattern_brings_what_it_means_and_folders_whole(school):
    home = school.home()
    for path in ("Mathe/a.odt", "Mathe/b.odt", "Mathe/c.txt", "Mathe/old/deep/d.odt", "Kunst/e.odt"):
        school.put(home / path, path.encode())
    os.link(home / "Mathe" / "a.odt", home / "Mathe" / "same.odt")
    (home / "Mathe" / "old" / "link").symlink_to("/etc/shadow")
    school.own(home / "Mathe" / "old" / "link")
    school.copy()
    came = back(school, "Mathe/*.odt")
    assert everything(home / came["folder"]) == ["Mathe", "Mathe/a.odt", "Mathe/b.odt", "Mathe/same.odt"]
    assert (home / came["folder"] / "Mathe" / "a.odt").stat().st_nlink == 2
    came = back(school, "Mathe/old", "**/e.odt")
    folder = home / came["folder"]
    assert everything(folder) == [
        *("Kunst", "Kunst/e.odt", "Mathe", "Mathe/old", "Mathe/old/deep", "Mathe/old/deep/d.odt", "Mathe/old/link")
    ]
    assert os.readlink(folder / "Mathe" / "old" / "link") == "/etc/shadow"


def test_what_stands_in_the_way_is_left_alone(school):
    home, outside = school.home(), school.folder / "outside"
    outside.mkdir()
    school.put(home / "letter")
    school.copy()
    probe = back(school, "letter")["folder"]
    os.rename(home / probe, home / "aside")
    (home / probe).symlink_to(outside)
    (home / f"{probe}-2").write_bytes(b"a file")
    (home / f"{probe}-3").mkdir()
    assert back(school, "letter")["folder"] == f"{probe}-4"
    assert not list(outside.iterdir())
    assert (home / f"{probe}-2").read_bytes() == b"a file"


def test_a_home_that_is_a_link_gets_nothing(school):
    home = school.home()
    school.put(home / "letter")
    school.copy()
    home.rename(school.folder / "elsewhere")
    home.symlink_to(school.folder / "elsewhere")
    assert refused(school, "letter") == "not-owner"


def test_no_path_and_no_pattern_reaches_another_owner(school):
    home = school.home()
    (home / "away").symlink_to("/etc")
    school.home("erika.lehmann", UID + 1 if AS_ROOT else UID)
    school.put(school.data / "homes" / "erika.lehmann" / "diary", b"secret", uid=UID + 1 if AS_ROOT else UID)
    (home / "diary").symlink_to("../erika.lehmann")
    school.own(home / "away")
    school.own(home / "diary")
    school.put(home / "mine")
    school.copy()
    for path in ("away/passwd", "diary/diary", "../erika.lehmann/diary", "..", "*/../../erika.lehmann/*"):
        assert refused(school, path) in ("refused", "no-copy")
    came = back(school, "**/*")
    assert everything(home / came["folder"]) == ["away", "diary", "mine"]
    assert [one.name for one in (home / came["folder"]).iterdir() if not one.is_symlink()] == ["mine"]


@pytest.mark.skipif(not AS_ROOT, reason="needs a second user")
def test_what_somebody_else_owns_in_it_is_left_and_counted(school):
    home = school.home()
    school.put(home / "Work" / "mine")
    school.put(home / "Work" / "not mine", uid=UID + 1)
    os.mkfifo(home / "Work" / "pipe")
    school.own(home / "Work" / "pipe")
    school.copy()
    came = back(school, "Work")
    assert everything(home / came["folder"]) == ["Work", "Work/mine"]
    assert (came["files"], came["left"]) == (1, 2)


def test_what_is_not_there(school):
    school.put(school.home() / "letter")
    assert refused(school, "letter") == "no-copy"
    school.copy()
    assert refused(school, "another") == "no-copy"
    assert refused(school, "letter", date="2020-01-01") == "no-copy"
    assert refused(school, "letter", date="some day") == "refused"
    assert refused(school, "letter", name="nobody.here") == "not-owner"
    assert refused(school, "letter", room=10) == "no-space"
    assert back(school, "letter", room=1_000_000, date="today")["files"] == 1


def test_without_room_on_the_disk_nothing_is_begun(school):
    home = school.home()
    school.put(home / "letter", b"x" * 100_000)
    school.copy()
    school.etc.joinpath("server.yaml").write_text(school.etc.joinpath("server.yaml").read_text() + "reserve: 100 TiB\n")
    school.configure()
    assert refused(school, "letter") == "no-space"
    assert [one.name for one in home.iterdir()] == ["letter"]


@pytest.mark.skipif(not AS_ROOT, reason="needs a second user")
def test_a_login_given_again_does_not_open_the_old_files(school):
    school.put(school.home() / "letter")
    school.copy()
    os.rename(school.data / "homes" / LOGIN, school.folder / "gone")
    school.home(uid=UID + 1)
    assert refused(school, "letter", number=UID + 1) == "not-owner"
    assert refused(school, "letter", number=UID) == "not-owner"


def test_what_came_back_otherwise_than_it_was_saved_is_not_given(school):
    home = school.home()
    school.put(home / "Work" / "good", b"good")
    school.put(home / "Work" / "bad", b"bad")
    snapshot = school.copy()
    stored = snapshot / "homes" / LOGIN / "Work" / "bad"
    stored.chmod(0o640)
    stored.write_bytes(b"BAD")
    os.utime(stored, (LONG_AGO, LONG_AGO))
    came = back(school, "Work")
    assert everything(home / came["folder"]) == ["Work", "Work/good"]
    assert (came["files"], came["lacking"]) == (1, 1)
    assert refused(school, "Work/bad") == "damaged"
    (snapshot / "index.sig").chmod(0o640)
    (snapshot / "index.sig").write_bytes(b"nothing")
    assert refused(school, "Work/good") == "damaged"


def test_a_restore_that_is_killed_leaves_nothing_and_the_next_clears_up(bare):
    bare.start()
    home = bare.home()
    bare.put(home / "big", os.urandom(2_000_000))
    bare.copy()
    bare.configure(bandwidth="256 KiB")
    homes = bare.data / "homes"
    program = (
        "import sys; from pathlib import Path; from appliance.settings.load import load;"
        "from appliance.backup.restore import restore; from appliance.backup.wanted import Wanted;"
        f"restore(load(Path({str(bare.etc)!r})), Wanted('homes', {LOGIN!r}, {UID}, ('big',)))"
    )
    with subprocess.Popen(["/usr/bin/python3", "-c", program], start_new_session=True) as process:
        while not list(homes.glob(".restoring-*/files/*")):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
    assert [one.name for one in home.iterdir()] == ["big"]
    assert len(list(homes.glob(".restoring-*"))) == 1
    came = back(bare, "big")
    assert sorted(one.name for one in homes.iterdir()) == [LOGIN]
    assert (home / came["folder"] / "big").stat().st_size == 2_000_000


def test_in_an_english_school_the_folder_has_an_english_name(school):
    school.put(school.home() / "letter")
    school.copy()
    school.etc.joinpath("school.yaml").write_text("language: en\n")
    school.configure()
    assert back(school, "letter")["folder"].startswith("Restored-20")


def test_a_groups_files_come_back_for_its_members(school):
    gid = UID + 7 if AS_ROOT else os.getegid()
    group = school.data / "groups" / "klasse3a"
    group.mkdir(mode=0o770)
    if AS_ROOT:
        os.chown(group, 0, gid)
    school.put(group / "Ausflug" / "Liste.txt", b"names", mode=0o600)
    school.copy()
    came = back(school, "Ausflug", part="groups", name="klasse3a", number=gid)
    folder = group / came["folder"]
    found = (folder / "Ausflug" / "Liste.txt").stat()
    assert (folder / "Ausflug" / "Liste.txt").read_bytes() == b"names"
    if AS_ROOT:
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (UID, gid, 0o660)
        assert folder.stat().st_gid == (folder / "Ausflug").stat().st_gid == gid
        assert stat.S_IMODE((folder / "Ausflug").stat().st_mode) == 0o2770
        with pytest.raises(BackupError):
            back(school, "Ausflug", part="groups", name="klasse3a", number=gid + 1)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2770
    with contextlib.suppress(OSError):
        assert os.getxattr(folder, "system.posix_acl_default")


@pytest.mark.skipif(not AS_ROOT, reason="needs a second group")
def test_a_new_class_of_the_same_name_gets_nothing_of_the_former_one(school):
    group = school.data / "groups" / "klasse3a"
    group.mkdir(mode=0o770)
    os.chown(group, 0, UID + 7)
    school.put(group / "Liste.txt", b"names")
    school.copy()
    os.chown(group, 0, UID + 8)
    with pytest.raises(BackupError) as caught:
        back(school, "*", part="groups", name="klasse3a", number=UID + 8)
    assert caught.value.kind == "not-owner"
    assert [one.name for one in group.iterdir()] == ["Liste.txt"]


def maildir(school, login, messages):
    """A mailbox as Dovecot keeps it, of names to contents."""
    box = school.data / "mail" / login
    for name, content in messages.items():
        path = box / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    for one in (box, *(path for path in box.rglob("*") if path.is_dir())):
        one.chmod(0o700)
    return box


def test_messages_come_back_in_a_mail_folder_of_their_own(school):
    school.home()
    box = maildir(
        school,
        LOGIN,
        {
            "new/1.M1P1.host,S=5,W=5": b"first",
            "cur/2.M1P1.host,S=6,W=6:2,ST": b"second",
            ".Sent/cur/2.M1P1.host,S=6,W=6:2,RSab": b"posted",
            ".Projekte.B&AOQ-ume/cur/4.M1P1.host,S=4:2,": b"tree",
            ".Projekte.B&AOQ-ume/tmp/5.half": b"half",
            "dovecot-uidlist": b"x",
            "subscriptions": b"V\t2\n\nSent\n",
        },
    )
    school.copy()
    came = back(school, part="mail")
    folder = box / f".{came['folder']}"
    assert came["folder"].startswith("Wiederhergestellt-20")
    assert sorted(one.name for one in folder.iterdir()) == ["cur", "maildirfolder", "new", "tmp"]
    assert {one.name: one.read_bytes() for one in (folder / "cur").iterdir()} == {
        "1.M1P1.host,S=5,W=5:2,": b"first",
        "2.M1P1.host,S=6,W=6:2,RS": b"posted",
        "2.M1P1.host_2,S=6,W=6:2,S": b"second",
        "4.M1P1.host,S=4:2,": b"tree",
    }
    assert (came["files"], came["added"]) == (4, {str(UID): 21})
    assert (box / "subscriptions").read_text().splitlines()[-1] == came["folder"]
    assert folder.stat().st_uid == (school.data / "mail").stat().st_uid
    came = back(school, "Projekte", part="mail")
    assert came["folder"].endswith("-2")
    assert [one.read_bytes() for one in (box / f".{came['folder']}" / "cur").iterdir()] == [b"tree"]
    assert back(school, "Projekte/Bäume", "INBOX", part="mail")["files"] == 3
    with pytest.raises(BackupError, match="4 in all"):
        back(school, "Nowhere", part="mail")
    assert not [one for one in (school.data / "mail").iterdir() if one.name.startswith(".")]


def test_mail_goes_only_where_the_home_is_the_owners(school):
    school.home()
    maildir(school, LOGIN, {"cur/1.M1P1.host,S=1:2,": b"x"})
    school.copy()
    os.rename(school.data / "homes" / LOGIN, school.folder / "gone")
    with pytest.raises(BackupError) as caught:
        back(school, part="mail")
    assert caught.value.kind == "not-owner"
    assert [one.name for one in (school.data / "mail" / LOGIN).iterdir()] == ["cur"]
