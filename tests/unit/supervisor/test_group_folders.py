"""Folders of groups: what is missing is made, what failed is tried again."""

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.policy.account import Group, GroupKind
from appliance.supervisor.group_folders import GroupFolders

GROUPS = [Group(name, GroupKind.CLASS, gid) for name, gid in (("a", 30001), ("b", 30002), ("c", 30003))]


class Maker:
    def __init__(self) -> None:
        self.problem: dict[str, Exception] = {}
        self.made: list[str] = []

    def group_make(self, name: str, gid: int) -> None:
        if name in self.problem:
            raise self.problem[name]
        self.made.append(name)


def test_each_is_made_once() -> None:
    maker = Maker()
    folders = GroupFolders(maker)
    assert folders.repair(GROUPS) == folders.repair(GROUPS) == []
    assert maker.made == ["a", "b", "c"]
    folders.repair([Group("a", GroupKind.CLASS, 30009)])
    assert maker.made[-1] == "a"


def test_what_failed_is_tried_again() -> None:
    maker = Maker()
    folders = GroupFolders(maker)
    maker.problem = {"b": RequestRefused("conflict", "belongs to another id")}
    assert folders.repair(GROUPS) == ["the folder of b could not be made: belongs to another id"]
    maker.problem = {"b": Unreachable("away")}
    assert folders.repair(GROUPS) == ["1 group folders could not be made: the privileged helper gives no answer"]
    maker.problem = {}
    assert folders.repair(GROUPS) == []
    assert maker.made == ["a", "c", "b"]
