"""What is deleted for good is noted before it goes, by its number, and forgotten when it has gone."""

import asyncio
import os
from pathlib import Path

import pytest

from appliance.privileged.forgetting import Deleted
from appliance.privileged.names import Ids
from appliance.privileged.tree import Tree

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs other users")

FRED = {"kind": "homes", "name": "fred.muster", "number": 20001}


class Scene:
    """The tree below ``data``; ``said`` is what it noted, and which homes stood then."""

    def __init__(self, data: Path) -> None:
        self.homes = data / "homes"
        for kind in ("homes", "groups"):
            (data / kind).mkdir()
        self.said: list[tuple[str, Deleted, list[str]]] = []
        self._tree = Tree(data, self._note)
        self._verbs = self._tree.verbs(lambda _peer: True, lambda: Ids(20000, 59999))

    def _note(self, deleted: Deleted):
        self._say("noted", deleted)
        return lambda: self._say("gone", deleted)

    def _say(self, what: str, deleted: Deleted) -> None:
        names = [name.partition("-")[0] for name in os.listdir(self.homes) if not name.startswith(".removed-")]
        self.said.append((what, deleted, sorted(names)))

    def __call__(self, verb: str, **arguments):
        return asyncio.run(self._verbs[verb].handler(arguments, None))

    def stop(self) -> None:
        self._tree.stop()


@pytest.fixture
def tree(tmp_path):
    made = Scene(tmp_path)
    made("home-make", login="fred.muster", uid=20001, gid=20001)
    yield made
    made.stop()


def test_a_former_home_whose_number_another_has_now(tree):
    tree("folder-aside", **FRED)
    tree("home-make", login="ida.muster", uid=20001, gid=20001)
    assert tree("folder-remove", **FRED) == {"done": True}
    fred = Deleted("homes", "fred.muster", 20001, ("ida.muster",))
    assert tree.said == [("noted", fred, [".former", "ida.muster"]), ("gone", fred, ["ida.muster"])]


def test_a_home_at_once(tree):
    assert tree("home-remove", login="fred.muster", uid=20001) == {"removed": True}
    fred = Deleted("homes", "fred.muster", 20001)
    assert tree.said == [("noted", fred, ["fred.muster"]), ("gone", fred, [])]
