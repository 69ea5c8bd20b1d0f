"""What becomes of folders when accounts and groups change in the directory, seen on the disk of a running school."""

import contextlib
import os

import pytest

from appliance.directory.client import connect
from appliance.policy.account import GroupKind, Role
from appliance.supervisor.client import ServerRefused
from tests.integration.support_school import ROSTER

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="folders belong to their ids only where root makes them")
FRED, JUERGEN = "fred.mustermann", "juergen.gross"


@pytest.fixture
def directory(school):
    with contextlib.closing(connect(school.settings, "supervisor")) as made:
        yield made


def folders(school):
    return {one["name"]: one for one in school.call("folders.list")["former"]}


def row(school):
    return next(one for one in school.call("status")["checks"] if one["name"] == "folders")


def test_a_course_that_is_gone_is_put_aside_and_its_files_go_to_another_group(school, directory):
    groups = school.data / "groups"
    directory.create_group(name="film", kind=GroupKind.COURSE, gid=40001)
    school.when((groups / "film").exists)
    (groups / "film" / "cut.mp4").write_bytes(b"cut")
    directory.remove_group("film")
    school.when(lambda: "film" in folders(school))
    assert not (groups / "film").exists()
    assert "1 put aside" in row(school)["text"]
    given = school.call("folders.give", which="film", to="klasse3a")
    assert given["folder"] == "Former-film"
    lies = groups / "klasse3a" / "Former-film" / "cut.mp4"
    assert lies.read_bytes() == b"cut"
    assert lies.stat().st_gid == (groups / "klasse3a").stat().st_gid
    assert folders(school) == {}


def test_an_account_that_comes_back_has_its_files_again(school, directory):
    home = school.home(JUERGEN)
    uid = home.stat().st_uid
    (home / "letter").write_bytes(b"mine")
    directory.remove_account(JUERGEN)
    school.when(lambda: JUERGEN in folders(school))
    assert not home.exists()
    directory.create_account(login=JUERGEN, uid=uid, given_name="Jürgen", surname="Groß", role=Role.PUPIL)
    school.when((home / "letter").exists)
    assert (home.stat().st_uid, home.stat().st_mode & 0o777) == (uid, 0o700)


def test_one_is_deleted_at_once_if_the_carer_says_so_and_it_is_recorded(school, directory):
    directory.create_group(name="theater", kind=GroupKind.CLUB, gid=40002)
    school.when((school.data / "groups" / "theater").exists)
    directory.remove_group("theater")
    school.when(lambda: "theater" in folders(school))
    with pytest.raises(ServerRefused, match="no folder"):
        school.call("folders.remove", which="klasse3a")
    school.call("folders.remove", which="40002")
    assert folders(school) == {}
    school.when(lambda: not [path for path in (school.data / "groups").iterdir() if path.name.startswith(".")])


def test_former_versions_that_are_not_there_cannot_be_given_up(school):
    answer = school.call("folders.versions")
    assert answer["instants"] == []
    assert "btrfs" in answer["hindrance"] or "subvolume" in answer["hindrance"]
    with pytest.raises(ServerRefused, match="there are none"):
        school.call("folders.forget", instant="@GMT-2026.11.20-07.30.00")
    assert school.call("folders.forget") == {"count": 0}


def test_what_lost_its_group_is_put_right_on_demand(school):
    group = school.data / "groups" / "klasse3a"
    (group / "moved").mkdir(mode=0o700)
    (group / "moved" / "text").write_bytes(b"x")
    for path in (group / "moved", group / "moved" / "text"):
        os.chown(path, school.home(FRED).stat().st_uid, 40003)
    assert school.call("folders.mend", group="klasse3a")["changed"] == 2
    assert {path.stat().st_gid for path in (group / "moved", group / "moved" / "text")} == {group.stat().st_gid}


def test_a_number_given_again_opens_nobody_elses_home(school, directory):
    """As in a directory of somebody else, who frees numbers and gives them again."""
    homes = school.data / "homes"
    directory.create_account(login="gina.alt", uid=41001, given_name="Gina", surname="Alt", role=Role.PUPIL)
    school.when((homes / "gina.alt").exists)
    (homes / "gina.alt" / "diary").write_bytes(b"hers")
    directory.remove_account("gina.alt")
    directory.create_account(login="hans.neu", uid=41001, given_name="Hans", surname="Neu", role=Role.PUPIL)
    school.when((homes / "hans.neu").exists)
    assert list((homes / "hans.neu").iterdir()) == []
    school.when(lambda: "gina.alt" in folders(school))
    assert "1 of them are homes whose numbers have other logins now" in row(school)["text"]
    assert not (homes / "gina.alt").exists()
    directory.remove_account("hans.neu")
    school.when(lambda: "hans.neu" in folders(school))


def test_no_account_gets_the_number_of_a_folder_that_is_still_there(school):
    """Folders outlive a purge, after which the directory would begin to count anew."""
    there = school.data / "homes" / ".former-20260901-45000-somebody.else"
    there.mkdir(mode=0o700)
    school.take_in(ROSTER + "4;Ida;Neumann;3a;pupil;03.04.2017\n")
    assert school.home("ida.neumann").stat().st_uid == 45001
    there.rmdir()
