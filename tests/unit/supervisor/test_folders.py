"""Folders follow the directory: what is made, renamed, put aside and deleted, and what is withheld."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.policy.account import Account, Group, GroupKind, Role
from appliance.policy.snapshot import Snapshot, Version
from appliance.supervisor.folders import Folders, Sources
from appliance.supervisor.folders_found import GROUPS, HOMES, MAIL, Former, Found
from appliance.supervisor.folders_rule import Step, due, renamed, tidying
from tests.unit.supervisor.scenery import NOW, settings


def found(homes=None, groups=None, former=(), numbered=True, mail=()):
    return Found({HOMES: homes or {}, GROUPS: groups or {}, MAIL: dict.fromkeys(mail, 0)}, tuple(former), numbered)


def wanted(homes=None, groups=None):
    return {HOMES: homes or {}, GROUPS: groups or {}}


class TestRule:
    def test_what_is_right_stays(self):
        there = found({"fred": 1}, {"3a": 2})
        assert tidying(there, wanted({"fred": 1}, {"3a": 2}), 0.1).make == ()
        assert tidying(there, wanted({"fred": 1}, {"3a": 2}), 0.1).aside == ()

    def test_the_gone_are_put_aside_and_the_missing_made(self):
        todo = tidying(found({"fred": 1, "gina": 2}, {"3a": 5}), wanted({"fred": 1, "hans": 3}, {"3a": 5}), 0.1)
        assert todo.aside == (Step(HOMES, "gina", 2),)
        assert todo.make == (Step(HOMES, "hans", 3),)

    def test_another_name_of_a_group_is_a_rename_and_it_is_not_gone(self):
        todo = tidying(found({"fred": 1}, {"3a": 5}), wanted({"fred": 1}, {"4a": 5}), 0.1)
        assert (todo.make, todo.aside) == ((Step(GROUPS, "4a", 5, "3a"),), ())

    def test_another_login_of_a_number_may_be_another_person(self):
        there = found({"fred": 1})
        todo = tidying(there, wanted({"anna": 1}), 0.1)
        assert (todo.make, todo.aside) == ((Step(HOMES, "anna", 1),), (Step(HOMES, "fred", 1),))
        aside = found({"anna": 1}, former=[Former(HOMES, "fred", 1, date(2026, 9, 1))])
        assert renamed(aside, {"anna": 1}) == 1
        assert renamed(aside, {"fred": 1}) == renamed(aside, {"anna": 2}) == 0

    def test_many_other_logins_at_once_are_withheld_and_none_is_made_in_their_place(self):
        homes = {f"p{number}": number for number in range(1, 101)}
        todo = tidying(found(homes), wanted({f"q{number}": number for number in range(1, 102)}), 0.1)
        assert todo.withheld == {HOMES: (100, 100)}
        assert (todo.make, todo.aside) == ((Step(HOMES, "q101", 101),), ())

    def test_new_numbers_lie_above_those_of_all_folders(self):
        there = found({"fred": 20007, "root": 0}, {"3a": 20009, "far": 60001}, [Former(HOMES, "a", 20011, NOW.date())])
        assert there.highest(20000, 59999) == 20011
        assert there.highest(20000, 20010) == 20009
        assert found().highest(20000, 59999) == 0

    def test_a_name_of_another_id_is_both(self):
        todo = tidying(found({}, {"3a": 5}), wanted({}, {"3a": 6}), 0.1)
        assert todo.make == (Step(GROUPS, "3a", 6),)  # which puts the former one aside, too
        assert todo.aside == (Step(GROUPS, "3a", 5),)

    def test_suspiciously_many_are_withheld_until_allowed(self):
        homes = {f"p{number}": number for number in range(1, 101)}
        some = {name: number for name, number in homes.items() if number > 20}
        todo = tidying(found(homes), wanted(some), 0.1)
        assert todo.aside == ()
        assert todo.withheld == {HOMES: (20, 100)}
        assert len(tidying(found(homes), wanted(some), 1.0).aside) == 20

    def test_an_empty_directory_is_never_believed_by_itself(self):
        assert tidying(found({"fred": 1}), wanted(), 0.1).withheld == {HOMES: (1, 1)}
        assert tidying(found({"fred": 1}), wanted(), 1.0, allow_none=True).aside == (Step(HOMES, "fred", 1),)

    def test_the_systems_own_is_not_ours_to_move(self):
        assert tidying(found({"lost+found": 0, "fred": 1}), wanted({"fred": 1}), 1.0).aside == ()

    def test_an_id_that_two_names_claim_goes_to_neither(self):
        assert tidying(found({"a": 1}), wanted({"a": 1, "b": 1}), 0.1).make == ()

    def test_without_root_names_count(self):
        todo = tidying(found({"fred": 0, "gina": 0}, numbered=False), wanted({"fred": 1, "hans": 2}), 0.1)
        assert (todo.make, todo.aside) == ((Step(HOMES, "hans", 2),), (Step(HOMES, "gina", 0),))

    def test_a_mailbox_goes_with_its_home_and_one_that_was_left_by_itself(self):
        there = found({"fred": 1, "gina": 2, "carer": 0}, mail=["fred", "gina", "hans", "ida", "carer"])
        todo = tidying(there, wanted({"fred": 1, "hans": 3}), 0.1)
        assert todo.make == (Step(HOMES, "hans", 3),)  # his mails came before his home
        assert todo.aside == (Step(HOMES, "gina", 2), Step(MAIL, "ida", 0), Step(MAIL, "carer", 0))

    def test_a_mailbox_left_behind_gets_the_number_of_the_latest_home_put_aside(self):
        former = [Former(HOMES, "ida", 9, date(2026, 9, 2)), Former(HOMES, "ida", 8, date(2026, 9, 1))]
        assert tidying(found(former=former, mail=["ida"]), wanted({"fred": 1}), 0.1).aside == (Step(MAIL, "ida", 9),)

    def test_suspiciously_many_mailboxes_are_withheld_too(self):
        logins = [f"p{number}" for number in range(100)]
        assert tidying(found(mail=logins), wanted({"p0": 1}), 0.1).withheld == {MAIL: (99, 100)}
        assert tidying(found(mail=["ida"]), wanted(), 0.1).withheld == {MAIL: (1, 1)}
        assert len(tidying(found(mail=logins), wanted(), 1.0, allow_none=True).aside) == 100

    def test_a_home_is_made_again_whose_mailbox_a_cut_left_aside(self):
        there = found(
            {"fred": 1, "ida": 4}, former=[Former(MAIL, "fred", 1, NOW.date()), Former(MAIL, "ida", 3, NOW.date())]
        )
        assert tidying(there, wanted({"fred": 1, "ida": 4}), 0.1).make == (Step(HOMES, "fred", 1),)

    def test_due_is_whose_time_is_over(self):
        one = Former(HOMES, "fred", 1, date(2026, 9, 1))
        assert due([one], timedelta(days=90), date(2026, 11, 29)) == []
        assert due([one], timedelta(days=90), date(2026, 11, 30)) == [one]


class Helper:
    """A helper that keeps its folders in two dictionaries."""

    def __init__(self, **shelves):
        self.shelves = {HOMES: {}, GROUPS: {}, MAIL: {}, **shelves}
        self.former = []
        self.calls = []
        self.problem = self.night_problem = None
        self.swept = 0
        self.refused = set()

    def home_make(self, login, uid, _gid):
        self._make(HOMES, login, uid)

    def group_make(self, name, gid, _was=None):
        self._make(GROUPS, name, gid)

    def _make(self, kind, name, number):
        if name in self.refused:
            raise RequestRefused("conflict", "something else stands there")
        self.shelves[kind] = {old: id_ for old, id_ in self.shelves[kind].items() if id_ != number} | {name: number}

    def group_mend(self, name, _gid):
        if name in self.refused:
            raise RequestRefused("disk", "Input/output error")
        self.calls.append(f"mend {name}")
        return 1, 0

    def folders_list(self):
        if self.problem:
            raise self.problem
        self.calls.append("list")
        return {"numbered": True, **self.shelves, "former": self.former}

    def folder_aside(self, kind, name, number):
        del self.shelves[kind][name]
        self.former.append([kind, name, number, "2026-11-23"])
        return True

    def folder_remove(self, kind, name, number):
        self.former = [one for one in self.former if one[:3] != [kind, name, number]]
        return True

    def rests_sweep(self):
        self.swept += 1
        if self.night_problem:
            raise self.night_problem
        self.calls.append("sweep")
        return 0


def school(*logins, groups=(("3a", 30),)):
    return Snapshot(
        version=Version(1, 1),
        audience="supervisor",
        domain="schule.example",
        zone=settings().school.zone,
        accounts={login: Account(login, uid, Role.PUPIL) for uid, login in enumerate(logins, 1)},
        groups={name: Group(name, GroupKind.CLASS, gid) for name, gid in groups},
        rules=(),
        consents_required={},
    )


class Scene:
    def __init__(self, helper, snapshot, night):
        self.helper, self.snapshot, self.now, self.deleted, self.night = helper, snapshot, NOW, [], night
        self.start()

    def all_night(self):
        """Work until nothing is left to do; how often it was called."""
        return next(times for times in range(1, 100) if self.folders.work() >= 2)

    def start(self):
        sources = Sources(lambda: self.snapshot, settings, lambda: self.now)
        self.deleting = []
        self.folders = Folders(self.helper, sources, self.night, self.deleted.append, self.deleting.append)


@pytest.fixture
def scene(tmp_path):
    return Scene(Helper(homes={"fred": 1}, groups={"3a": 30}), school("fred"), tmp_path / "folders")


def test_it_looks_when_names_change_and_once_an_hour(scene):
    for _ in range(3):
        scene.folders.work()
    assert scene.helper.calls == ["list"]
    scene.snapshot = replace(school("fred"))
    scene.folders.work()
    assert scene.helper.calls == ["list"]
    scene.snapshot = school("fred", "gina")
    scene.folders.work()
    assert scene.helper.shelves[HOMES] == {"fred": 1, "gina": 2}
    scene.helper.calls.clear()
    scene.now += timedelta(minutes=61)
    scene.folders.work()
    assert scene.helper.calls[0] == "list"


def test_nothing_is_done_while_the_directory_is_away(scene):
    scene.snapshot = None
    scene.folders.work()
    assert scene.helper.calls == []


def test_a_group_that_is_gone_is_told_with_the_day_of_its_end(scene):
    scene.snapshot = school("fred", groups=(("3b", 31),))
    scene.folders.work()
    row = scene.folders.check()
    assert row["ok"]
    assert "1 put aside" in row["text"]
    assert "2027-02-21" in row["text"]
    assert scene.helper.shelves[GROUPS] == {"3b": 31}


def test_a_mailbox_of_nobody_is_put_aside_and_goes_when_its_time_is_over(scene):
    scene.helper.shelves[MAIL] = {"fred": 0, "old": 0}
    scene.helper.former = [[HOMES, "old", 9, "2026-11-20"]]
    scene.folders.work()
    assert scene.helper.shelves[MAIL] == {"fred": 0}
    assert scene.helper.former[1:] == [[MAIL, "old", 9, "2026-11-23"]]
    assert "; 1 put aside" in scene.folders.check()["text"]
    scene.now = NIGHT + timedelta(days=90)
    scene.all_night()
    assert [(one.kind, one.name) for one in scene.deleted] == [(HOMES, "old"), (MAIL, "old")]
    assert scene.deleting == scene.deleted


def test_status_is_not_well_while_something_is_withheld_or_refused(scene):
    scene.snapshot = school()
    scene.folders.work()
    assert scene.folders.check()["ok"] is False
    assert "--allow-gone" in scene.folders.check()["text"]
    scene.helper.refused = {"gina"}
    scene.snapshot = school("fred", "gina")
    scene.folders.work()
    text = "1 homes are not made: something else stands there; see: schoolserver folders tidy"
    assert scene.folders.check()["text"] == text  # and names nobody: it goes out in mails


def test_what_was_in_the_way_is_soon_seen_to_be_gone(scene):
    scene.helper.refused = {"gina"}
    scene.snapshot = school("fred", "gina")
    scene.folders.work()
    scene.helper.refused = set()
    scene.now += timedelta(seconds=5)
    scene.folders.work()
    assert scene.folders.check()["ok"] is False
    scene.now += timedelta(seconds=5)
    scene.folders.work()
    assert scene.folders.check()["ok"] is True
    assert "gina" in scene.helper.shelves[HOMES]


def test_tidying_says_what_was_done_and_whom_not(scene):
    scene.helper.refused = {"gina", "hans"}
    done = scene.folders.tidy(school("fred", "gina", "hans", "ida"))
    assert (done.made, done.aside) == (1, 0)
    assert [(step.name, why) for step, why in done.refused] == [
        ("gina", "something else stands there"),
        ("hans", "something else stands there"),
    ]
    assert scene.folders.check()["text"].startswith("2 homes are not made: ")


def test_a_home_whose_number_has_another_login_now_is_told(scene):
    scene.snapshot = school("anna")
    scene.helper.former = [[HOMES, "fred", 1, "2026-11-23"]]
    scene.helper.shelves[HOMES] = {}
    scene.folders.work()
    assert scene.folders.check()["ok"]
    assert "1 of them are homes whose numbers have other logins now" in scene.folders.check()["text"]


def test_the_helper_being_away_is_told_and_tried_again(scene):
    scene.helper.problem = Unreachable("no answer")
    scene.folders.work()
    assert scene.folders.check()["ok"] is False
    assert "see journalctl -u schoolserver-privileged" in scene.folders.check()["text"]
    scene.helper.problem = None
    scene.folders.work()
    assert scene.folders.check()["ok"] is True


def test_at_night_it_sweeps_mends_and_deletes_whose_time_is_over(scene):
    scene.helper.former = [[HOMES, "old", 9, "2026-08-01"], [HOMES, "new", 8, "2026-11-20"]]
    scene.folders.work()
    assert "mend 3a" not in scene.helper.calls
    scene.now = datetime(2026, 11, 24, 1, 31, tzinfo=UTC)  # 2.31 a.m. in Berlin
    scene.all_night()
    assert [call for call in scene.helper.calls if call != "list"] == ["sweep", "mend 3a"]
    assert [one.name for one in scene.deleted] == ["old"]
    assert [one[1] for one in scene.helper.former] == ["new"]
    scene.folders.work()
    assert scene.helper.calls.count("mend 3a") == 1


NIGHT = datetime(2026, 11, 24, 1, 31, tzinfo=UTC)


def test_a_helper_that_is_away_at_night_is_asked_again_soon(scene):
    scene.all_night()
    scene.now, scene.helper.night_problem = NIGHT, Unreachable("no answer")
    scene.all_night()
    assert scene.folders.check()["ok"] is False
    scene.now, scene.helper.night_problem = NIGHT + timedelta(seconds=30), None
    scene.all_night()
    assert scene.helper.calls.count("mend 3a") == 1
    assert scene.folders.check()["ok"] is True


def test_a_group_that_cannot_be_mended_keeps_no_other_waiting(scene):
    scene.snapshot = school("fred", groups=(("3a", 30), ("3b", 31)))
    scene.all_night()
    scene.now, scene.helper.refused = NIGHT, {"3a"}
    scene.all_night()
    scene.all_night()
    assert [call for call in scene.helper.calls if call != "list"] == ["sweep", "mend 3b"]


def test_a_server_that_is_off_at_night_does_it_in_the_morning(scene):
    scene.helper.former = [[HOMES, "old", 9, "2026-08-01"]]
    scene.all_night()
    for morning in (1, 2):
        scene.now = NOW + timedelta(days=morning)
        scene.start()
        scene.all_night()
        assert scene.helper.calls.count("mend 3a") == morning
    assert [one.name for one in scene.deleted] == ["old"]
    scene.start()
    scene.all_night()
    assert scene.helper.calls.count("mend 3a") == 2


def test_a_clock_that_was_ahead_stops_no_night(scene):
    scene.now = NOW + timedelta(days=400)
    scene.all_night()
    scene.now = NOW
    scene.start()
    scene.all_night()
    assert scene.helper.calls.count("mend 3a") == 1


def test_what_is_due_is_deleted_before_anything_that_may_fail(scene):
    scene.all_night()
    scene.helper.former = [[HOMES, "old", 9, "2026-08-01"]]
    for problem in (RequestRefused("disk", "Input/output error"), Unreachable("no answer")):
        scene.now, scene.helper.night_problem = NIGHT, problem
        scene.start()
        scene.all_night()
        assert [one.name for one in scene.deleted] == ["old"]


def test_what_takes_too_long_is_tried_once_more_and_keeps_no_other_waiting(scene):
    scene.all_night()
    scene.now, scene.helper.night_problem = NIGHT, Unreachable("no answer within 900 s")
    for _ in range(5):
        scene.all_night()
    assert scene.helper.calls.count("mend 3a") == 1
    assert scene.helper.swept == 2


def test_a_new_folder_waits_for_no_group_of_the_night(scene):
    scene.snapshot = school("fred", groups=(("3a", 30), ("3b", 31)))
    scene.all_night()
    scene.now = NIGHT
    scene.folders.work()
    scene.snapshot = school("fred", "gina", groups=(("3a", 30), ("3b", 31)))
    scene.folders.work()
    assert "gina" in scene.helper.shelves[HOMES]
    assert "mend 3b" not in scene.helper.calls
    scene.all_night()
    assert "mend 3b" in scene.helper.calls
