"""Giving up former versions on purpose: what is given up, and that it is recorded who did it."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.policy.events import Event, Kind, validate
from appliance.supervisor import verbs_folders
from appliance.supervisor.verb import Call, VerbError

FIRST, SECOND = "@GMT-2026.11.20-07.30.00", "@GMT-2026.11.21-07.30.00"


class Scene:
    """The verbs with a helper of our own, who ``ends`` after so many."""

    def __init__(self):
        self.taken, self.events, self.ends = [FIRST, SECOND], [], 99
        server = SimpleNamespace(runtime=Path("/nowhere"))
        core = SimpleNamespace(settings=SimpleNamespace(server=server), record=self._record)
        self._verbs = verbs_folders.verbs(core)

    def __call__(self, verb, **arguments):
        found = self._verbs[verb]
        return found.run(Call(found.checked(arguments), "carer", lambda *_: None))

    def _record(self, kind, **fields):
        self.events.append((kind, fields))

    def shadows_list(self):
        return None, tuple(self.taken)

    def shadows_remove(self, stamp):
        if not self.ends:
            raise Unreachable("gone")
        self.ends -= 1
        self.taken.remove(stamp)
        return True

    def close(self):
        """There is nothing to close."""


@pytest.fixture
def scene(monkeypatch):
    made = Scene()
    monkeypatch.setattr(verbs_folders, "PrivilegedClient", lambda *_: made)
    return made


def recorded(scene):
    return [fields for kind, fields in scene.events if kind is Kind.VERSIONS_DELETED]


def test_one_instant_goes_and_who_did_it_is_recorded(scene):
    assert scene("folders.versions") == {"hindrance": None, "instants": [FIRST, SECOND]}
    assert scene("folders.forget", instant=FIRST) == {"count": 1}
    assert scene.taken == [SECOND]
    assert recorded(scene) == [{"instant": FIRST, "count": 1, "by": "carer"}]
    validate(Event(Kind.VERSIONS_DELETED, datetime.now(UTC), recorded(scene)[0]))


def test_all_go(scene):
    assert scene("folders.forget") == {"count": 2}
    assert scene.taken == []
    assert recorded(scene) == [{"instant": None, "count": 2, "by": "carer"}]


def test_one_that_is_not_there_is_said_and_nothing_goes(scene):
    with pytest.raises(VerbError, match="schoolserver folders versions"):
        scene("folders.forget", instant="@GMT-2020.01.01-00.00.00")
    assert (scene.taken, scene.events) == ([FIRST, SECOND], [])


def test_what_was_done_before_it_failed_is_recorded(scene):
    scene.ends = 1
    with pytest.raises(Unreachable):
        scene("folders.forget")
    assert recorded(scene) == [{"instant": None, "count": 1, "by": "carer"}]
