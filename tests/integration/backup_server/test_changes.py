"""Whatever changes at the school, every snapshot holds just what its manifest says: real rsync, real committer."""

import os
import shutil
import subprocess

import pytest

from tests.integration.backup_server import support_store
from tests.integration.backup_server.support_store import AS_ROOT, furnish, result

LONG_AGO = 1_600_000_000 * 10**9


def content(home):
    (home / "brief.odt").write_bytes(b"Liebe Oma")


def content_of_same_size_and_time(home):
    os.utime(home / "brief.odt", ns=(LONG_AGO, LONG_AGO))
    (home / "brief.odt").write_bytes(b"Lieber Opi")
    os.utime(home / "brief.odt", ns=(LONG_AGO, LONG_AGO))


def mode(home):
    (home / "brief.odt").chmod(0o604)
    (home / "Mathe").chmod(0o2770)


def owner(home):
    os.chown(home / "brief.odt", 21001, 21002)
    os.chown(home / "Leer", 21001, 21002)
    os.chown(home / "link", 21001, 21002, follow_symlinks=False)


def receivers_own_owner(home):
    os.chown(home / "brief.odt", 21000, 21000)
    (home / "brief.odt").chmod(0o600)


def xattr(home):
    os.setxattr(home / "brief.odt", "user.DOSATTRIB", b"0x20")
    os.setxattr(home / "Mathe", "user.note", b"\0\xff")


def ntacl(home):
    os.setxattr(home / "brief.odt", "security.NTACL", bytes(range(256)))


def acl(home):
    setfacl("-m", "u:21001:rw,g:21002:---", home / "brief.odt")


def default_acl(home):
    setfacl("-d", "-m", "g:21002:rwx", home / "Mathe")
    setfacl("-m", "m::r", home / "Leer")


def rename(home):
    (home / "brief.odt").rename(home / "Mathe" / "opa.odt")
    (home / "Mathe" / "tief").rename(home / "flach")


def truncation(home):
    os.truncate(home / "brief.odt", 3)
    os.truncate(home / "Mathe" / "blatt.odt", 0)


def removal(home):
    shutil.rmtree(home / "Mathe")
    (home / "loch").unlink()


def folder_for_file(home):
    (home / "brief.odt").unlink()
    (home / "brief.odt").mkdir()
    (home / "brief.odt" / "innen").write_bytes(b"x")
    shutil.rmtree(home / "Mathe")
    (home / "Mathe").write_bytes(b"flach")


def time_only(home):
    for path in (home / "brief.odt", home / "Leer"):
        os.utime(path, ns=(LONG_AGO + 1, LONG_AGO + 1))


def hard_link(home):
    (home / "drei").hardlink_to(home / "zwei")
    (home / "zwei.auch").unlink()


def link(home):
    (home / "link").unlink()
    (home / "link").symlink_to("../../../../../../etc/shadow")


def strange_names(home):
    for name in (b"\\n", b" ", b"a b", b"\xc3\xa4", b"-", b"*", b".~schoolserver-partial", b"..."):
        folder = os.path.join(os.fsencode(home), name)
        os.mkdir(folder)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(name)


def pipe_and_socket(home):
    os.mkfifo(home / "pipe", 0o620)
    os.mknod(home / "socket", 0o140600)


def whole_unit(home):
    home.rename(home.with_name("anders"))


def attributes_of_a_stranger(home):
    os.setxattr(home / "brief.odt", "user.rsync.security.capability", b"\1")
    os.setxattr(home / "brief.odt", "user.rsync.%stat", b"104755 0,0 0:0")
    os.setxattr(home / "brief.odt", "user.here", b"\1")


def setfacl(*words):
    subprocess.run(["setfacl", *words], check=True)


ROOTS = {owner, receivers_own_owner, ntacl}
CHANGES = [
    content, content_of_same_size_and_time, mode, owner, receivers_own_owner, xattr, ntacl, acl, default_acl, rename,
    truncation, removal, folder_for_file, time_only, hard_link, link, strange_names, pipe_and_socket, whole_unit,
    attributes_of_a_stranger,
]  # fmt: skip
WANTED = [change for change in CHANGES if AS_ROOT or change not in ROOTS]


@pytest.fixture(scope="module")
def changed():
    """A school with a home for each change, and snapshots before all of them, after them, and after them again."""
    with support_store.server() as server:
        school = server.school()
        (school.data / "audit" / "log").write_bytes(b"1")
        for one in WANTED:
            furnish(school.data / "homes" / one.__name__)
        names = [school.copy()]
        before = school.stored(names[0])
        for one in WANTED:
            one(school.data / "homes" / one.__name__)
        names.append(school.copy())
        after = {(one.part, one.unit, line) for one in school.sections().values() for line in one.lines}
        furnish(school.data / "homes" / "all")
        for one in (content, mode, acl, default_acl, strange_names, removal):
            one(school.data / "homes" / "all")
            names.append(school.copy())
        yield school, names, before, after


@pytest.mark.parametrize("change", WANTED, ids=lambda change: change.__name__)
def test_a_change_leaves_every_older_snapshot_valid(changed, change):
    school, names, before, after = changed
    mine = {change.__name__, "anders"} if change is whole_unit else {change.__name__}
    for name, wanted in ((names[0], before), (names[1], after)):
        promised = {line for line in school.lines(name) if line[1] in mine}
        assert promised == {line for line in wanted if line[1] in mine} != set()
        held = school.stored(name, mine)
        assert (held - promised, promised - held) == (set(), set())
    assert {one for one in before if one[1] in mine} != {one for one in after if one[1] in mine}


def test_many_changes_one_after_the_other(changed):
    """What is the same is one inode in all of them."""
    school, names, *_ = changed
    assert school.check() == names
    assert len({(school.place.snapshots / name / "audit" / "log").stat().st_ino for name in names}) == 1


def test_only_what_changed_is_sent(school, home):
    school.copy()
    content(home)
    school.transfer()
    sent = {path.relative_to(school.place.incoming / "homes") for path in school.place.incoming.glob("homes/**/*")}
    assert {str(path) for path in sent} == {"fred.mustermann", "fred.mustermann/brief.odt"}
    school.commit()


def test_the_manifest_is_followed_and_not_what_else_was_sent(school, home):
    school.transfer()
    assert school.send("homes", home.parent, [b"fred.mustermann/brief.odt"]).returncode == 0
    (school.data / "homes" / "gast").mkdir()
    assert school.send("homes", home.parent, [b"gast"]).returncode == 0
    name = school.commit()["snapshot"]
    assert os.listdir(school.place.snapshots / name / "homes") == ["fred.mustermann"]
    (school.data / "homes" / "gast").rmdir()
    assert school.check() == [name]


def test_what_is_promised_and_not_sent_is_told_and_comes_with_the_next(school, home):
    school.transfer()
    lost = school.place.incoming / "homes" / "fred.mustermann" / "Mathe" / "blatt.odt"
    lost.unlink()
    said = school.answer("commit")
    assert {"missing_path": "Mathe/blatt.odt", "part": "homes", "unit": "fred.mustermann"} in said
    assert result(said)["missing"] == 1
    first = result(said)["snapshot"]
    assert school.lines(first) - school.stored(first) != set()
    school.transfer()
    assert school.send("homes", home.parent, [b"fred.mustermann/Mathe/blatt.odt"]).returncode == 0
    second = school.commit()
    assert second["missing"] == 0
    assert school.stored(second["snapshot"]) == school.lines(second["snapshot"])


def test_what_came_otherwise_than_promised_is_kept_and_told(school, home):
    school.transfer()
    (home / "brief.odt").write_bytes(b"geschrieben, als alles gelesen war")
    assert school.send("homes", home.parent, [b"fred.mustermann/brief.odt"]).returncode == 0
    said = school.answer("commit")
    assert [one["missing_path"] for one in said if "missing_path" in one] == ["brief.odt"]
    kept = school.place.snapshots / result(said)["snapshot"] / "homes" / "fred.mustermann" / "brief.odt"
    assert kept.read_bytes().startswith(b"geschrieben")
    (home / "brief.odt").unlink()
    second = school.copy()
    assert school.stored(second) == school.lines(second)


def test_hard_links_stay_links(school, home):
    name = school.copy()
    unit = school.place.snapshots / name / "homes" / "fred.mustermann"
    assert (unit / "zwei").stat().st_ino == (unit / "zwei.auch").stat().st_ino
    assert (unit / "loch").stat().st_blocks < 100


def test_nothing_there_is_a_link_or_can_be_run(school, home):
    (home / "brief.odt").chmod(0o4755)
    name = school.copy()
    for folder, _, files in os.walk(school.place.snapshots / name):
        for file in files:
            found = os.lstat(os.path.join(folder, file))
            assert (found.st_mode & 0o777777) == 0o100440
            assert found.st_uid == (0 if AS_ROOT else os.geteuid())


def test_other_words_of_the_client_change_nothing(school, home):
    school.transfer("--partial-dir=.p", "--stats", "--info=progress2", "--no-implied-dirs", "--modify-window=-1")
    name = school.commit()["snapshot"]
    assert school.check() == [name]


def test_a_second_look_at_what_was_sent_changes_nothing(school, home):
    """Rsync forgets stored access lists then, if there are other attributes and nobody tells it not to."""
    os.setxattr(home / "brief.odt", "user.DOSATTRIB", b"0x20")
    os.setxattr(home / "Mathe", "user.DOSATTRIB", b"0x10")
    acl(home)
    default_acl(home)
    school.transfer()
    school.transfer()
    assert school.commit()["missing"] == 0
    assert school.check()
