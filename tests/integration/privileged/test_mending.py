"""Group folders put right after what came from elsewhere, with members who work against us."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from appliance.privileged.groups import Groups
from appliance.privileged.mending import Mended, Owner, mend
from appliance.privileged.rests import sweep
from appliance.usage.unfinished import KEPT_FOR, UNFINISHED

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
FRED, GINA, CLASS, CLUB = 20001, 20002, 30001, 30002


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(mkdtemp(prefix="ss-", dir="/tmp"))
    made.chmod(0o755)
    (made / "groups").mkdir()
    for name, gid in (("class", CLASS), ("club", CLUB)):
        Groups(made / "groups").make(name, gid)
    yield made / "groups"
    shutil.rmtree(made)


def as_person(uid: int, groups: list[int], act: Callable[[], object]) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def mended(folder: Path, gid: int) -> Mended:
    top = os.open(folder, os.O_DIRECTORY)
    try:
        return mend(top, Owner(gid))
    finally:
        os.close(top)


def look(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_whatever_the_umask_what_is_made_is_the_members_alike(place: Path, umask: int) -> None:
    def act() -> None:
        os.umask(umask)
        (place / "class" / "plan").mkdir()
        (place / "class" / "plan" / "inner").mkdir()
        (place / "class" / "plan" / "inner" / "text").touch()

    as_person(FRED, [CLASS], act)
    assert look(place / "class" / "plan") == (FRED, CLASS, 0o2770)
    assert look(place / "class" / "plan" / "inner") == (FRED, CLASS, 0o2770)
    assert look(place / "class" / "plan" / "inner" / "text") == (FRED, CLASS, 0o660)
    assert os.listxattr(place / "class" / "plan" / "inner" / "text") == []
    assert mended(place / "class", CLASS) == Mended()


def test_what_is_moved_between_groups_belongs_to_the_new_one_afterwards(place: Path) -> None:
    def act() -> None:
        (place / "club" / "film" / "raw").mkdir(parents=True)
        (place / "club" / "film" / "raw" / "cut").touch(0o600)
        (place / "club" / "film").rename(place / "class" / "film")

    as_person(FRED, [CLASS, CLUB], act)
    assert look(place / "class" / "film" / "raw" / "cut")[1] == CLUB
    assert mended(place / "class", CLASS) == Mended(3, 0)
    assert look(place / "class" / "film" / "raw") == (FRED, CLASS, 0o2770)
    assert look(place / "class" / "film" / "raw" / "cut") == (FRED, CLASS, 0o660)
    as_person(GINA, [CLASS], lambda: (place / "class" / "film" / "raw" / "more").touch())
    assert look(place / "class" / "film" / "raw" / "more") == (GINA, CLASS, 0o660)
    assert mended(place / "class", CLASS) == Mended()


def test_what_a_member_closed_to_the_others_or_opened_to_all_is_shared_again(place: Path) -> None:
    def act() -> None:
        for name, mode in (("closed", 0o600), ("open", 0o666), ("set-id", 0o6770)):
            (place / "class" / name).touch()
            (place / "class" / name).chmod(mode)
        (place / "class" / "folder").mkdir()
        os.removexattr(place / "class" / "folder", "system.posix_acl_default")
        (place / "class" / "folder").chmod(0o700)

    as_person(FRED, [CLASS], act)
    assert mended(place / "class", CLASS).changed == 4
    assert look(place / "class" / "closed") == (FRED, CLASS, 0o660)
    assert look(place / "class" / "open") == (FRED, CLASS, 0o660)
    assert look(place / "class" / "set-id") == (FRED, CLASS, 0o770)
    assert look(place / "class" / "folder") == (FRED, CLASS, 0o2770)
    assert mended(place / "class", CLASS) == Mended()


def test_what_has_a_second_name_elsewhere_is_left(place: Path) -> None:
    def act() -> None:
        (place / "club" / "letter").touch()
        os.link(place / "club" / "letter", place / "class" / "letter")

    as_person(FRED, [CLASS, CLUB], act)
    before = look(place / "club" / "letter")
    assert mended(place / "class", CLASS) == Mended(0, 1)
    assert look(place / "club" / "letter") == before


def test_no_link_is_followed_and_nothing_odd_stops_it(place: Path) -> None:
    outside = place.parent / "outside"
    outside.mkdir(mode=0o755)
    (outside / "file").touch(0o644)

    def act() -> None:
        (place / "class" / "link").symlink_to(outside)
        (place / "class" / "file").symlink_to(outside / "file")
        os.mkfifo(place / "class" / "pipe")
        deep = os.open(place / "class", os.O_DIRECTORY)
        for _ in range(600):
            os.mkdir("d", dir_fd=deep)
            deep = os.open("d", os.O_DIRECTORY, dir_fd=deep)
            if _ % 100:
                os.chmod(deep, 0o700)

    as_person(FRED, [CLASS], act)
    before = [look(outside), look(outside / "file")]
    assert mended(place / "class", CLASS).changed > 500
    assert [look(outside), look(outside / "file")] == before
    assert mended(place / "class", CLASS) == Mended()


def test_old_rests_of_uploads_go_and_nothing_else(place: Path) -> None:
    now = 2_000_000_000.0
    for name, age in ((f"{UNFINISHED}kept-old", KEPT_FOR + 1), (f"{UNFINISHED}kept-new", 60), ("essay", KEPT_FOR * 9)):
        (place / "class" / name).touch()
        os.utime(place / "class" / name, (now - age, now - age))
    (place / "class" / f"{UNFINISHED}folder").mkdir()
    os.symlink("essay", place / "class" / f"{UNFINISHED}link")
    assert sweep(place.parent, now) == 1
    assert sorted(path.name for path in (place / "class").iterdir()) == [
        *sorted(f"{UNFINISHED}{name}" for name in ("folder", "kept-new", "link")),
        "essay",
    ]
