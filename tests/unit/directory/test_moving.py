"""What has to be done so that one directory says what another one says."""

from dataclasses import replace
from uuid import UUID

from appliance.directory.moving import steps
from appliance.directory.records import DirectoryAccount, DirectoryGroup, DirectoryState
from appliance.policy.account import GroupKind, Role

FRED = DirectoryAccount(UUID(int=1), "fred", 20001, "Fred", "Muster", "Fred Muster", "fred@a.example", Role.PUPIL)
EMMA = replace(FRED, uuid=UUID(int=2), login="emma", uid=20002, disabled=True)
CLASS = DirectoryGroup("klasse3a", GroupKind.CLASS, 20100, "3a", ("emma", "fred"))
EMPTY = DirectoryState((), (), "")
SCHOOL = DirectoryState((EMMA, FRED), (CLASS,), "")


class Log:
    """Whatever is asked of it is written down."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, method):
        return lambda *arguments, **named: self.asked.append((method, *arguments, *sorted(named)))


def asked(source, target):
    log = Log()
    for _, act in steps(source, target):
        act(log)
    return log.asked


def test_into_an_empty_directory_groups_come_first_and_members_last():
    made = asked(SCHOOL, EMPTY)
    assert [one[0] for one in made] == [
        "create_group",
        "create_account",
        "set_disabled",
        "create_account",
        "add_members",
    ]
    assert ("set_disabled", "emma", True) in made
    assert made[-1] == ("add_members", "klasse3a", ("emma", "fred"))


def test_what_is_there_already_asks_for_nothing():
    assert asked(SCHOOL, SCHOOL) == []


def test_only_what_a_cut_has_left_out_is_done():
    half = DirectoryState((replace(EMMA, disabled=False),), (replace(CLASS, members=("emma",)),), "")
    made = asked(SCHOOL, half)
    assert [one[0] for one in made] == ["set_disabled", "create_account", "add_members"]
    assert made[-1] == ("add_members", "klasse3a", ("fred",))


def test_what_changes_while_it_is_moved_follows():
    other = replace(FRED, surname="Meister", role=Role.TEACHER)
    later = DirectoryState((other,), (replace(CLASS, members=("fred",)),), "")
    made = asked(later, SCHOOL)
    assert ("remove_account", "emma") in made
    assert [one[:2] for one in made if one[0] == "update_account"] == [("update_account", "fred")]
    assert not [one for one in made if one[0] == "remove_members"], "who is gone is in no group"


def test_who_left_a_group_leaves_it_there_too():
    made = asked(replace(SCHOOL, groups=(replace(CLASS, members=("fred",)),)), SCHOOL)
    assert made == [("remove_members", "klasse3a", ("emma",))]


def test_a_login_or_a_name_with_another_number_is_somebody_else():
    """Numbers never change: such an entry is made anew, with its memberships."""
    made = asked(SCHOOL, replace(SCHOOL, accounts=(EMMA, replace(FRED, uid=20009))))
    assert [one[0] for one in made] == ["remove_account", "create_account", "add_members"]
    made = asked(SCHOOL, replace(SCHOOL, groups=(replace(CLASS, gid=20109),)))
    assert [one[0] for one in made] == ["remove_group", "create_group", "add_members"]
