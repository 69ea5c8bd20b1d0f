"""Former folders, mailboxes and versions: what is meant, given, given up, and that it is recorded who did it."""

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.policy.events import Event, Kind, validate
from appliance.supervisor import verbs_folders
from appliance.supervisor.folders_found import GROUPS, HOMES, MAIL, Former, Found
from appliance.supervisor.verb import Call, VerbError

FIRST, SECOND = "@GMT-2026.11.20-07.30.00", "@GMT-2026.11.21-07.30.00"


class Scene:
    """The verbs with a helper of our own, who ``ends`` after so many."""

    def __init__(self):
        self.taken, self.events, self.ends = [FIRST, SECOND], [], 99
        server = SimpleNamespace(runtime=Path("/nowhere"))
        self.former, self.removed, self.deleted = [], [], []
        core = SimpleNamespace(
            settings=SimpleNamespace(server=server, fileshare=SimpleNamespace(keep_aside=86400.0)),
            record=self._record,
            room=lambda: None,
            account=lambda login: SimpleNamespace(login=login, uid=20009),
            folders=SimpleNamespace(found=lambda: Found({}, tuple(self.former))),
            deleting=lambda one: self.deleted.append((one.kind, one.number)),
        )
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

    def folder_remove(self, kind, name, number):
        self.removed.append((kind, name, number))
        return True

    def folder_give(self, kind, former, heir):
        self.removed.append((kind, *former))
        return f"Former-{kind}-for-{heir[0]}", 0

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


DAY = date(2026, 11, 1)


def test_home_and_mailbox_of_one_account_go_together(scene):
    scene.former = [Former(kind, "fred", 20001, DAY) for kind in (HOMES, MAIL)] + [Former(MAIL, "gina", 20002, DAY)]
    rows = [(one["kind"], one["name"], one["deleted"]) for one in scene("folders.list")["former"]]
    assert rows == [("home", "fred", "2026-11-02"), ("mail", "fred", "2026-11-02"), ("mail", "gina", "2026-11-02")]
    assert scene("folders.remove", which="fred") == {"kinds": ["home", "mail"], "name": "fred"}
    assert scene.removed == [(HOMES, "fred", 20001), (MAIL, "fred", 20001)]
    assert scene.deleted == [(HOMES, 20001), (MAIL, 20001)], "before it is gone"
    assert [fields["area"] for _, fields in scene.events] == [HOMES, MAIL]
    for kind, fields in scene.events:
        validate(Event(kind, datetime.now(UTC), fields))


def test_a_mailbox_of_unknown_number_goes_with_the_only_home_of_its_name(scene):
    scene.former = [Former(HOMES, "fred", 20001, DAY), Former(MAIL, "fred", 0, DAY), Former(MAIL, "gina", 0, DAY)]
    scene("folders.remove", which="20001")
    assert scene.removed == [(HOMES, "fred", 20001)]
    scene("folders.remove", which="gina")
    answer = scene("folders.give", which="fred", to="fred2")
    assert (answer["folder"], answer["mail"]) == ("Former-homes-for-fred2", "Former-mail-for-fred2")
    with pytest.raises(VerbError, match="no folder"):
        scene("folders.remove", which="0")


def test_several_of_one_name_are_told_apart_by_their_id(scene):
    scene.former = [
        Former(HOMES, "fred", 20001, DAY),
        Former(HOMES, "fred", 20002, DAY),
        Former(MAIL, "fred", 20002, DAY),
    ]
    with pytest.raises(VerbError, match="name one by its id: 20001"):
        scene("folders.remove", which="fred")
    assert scene("folders.remove", which="20002")["kinds"] == ["home", "mail"]
    scene.former = [Former(GROUPS, "chor", 30001, DAY), Former(MAIL, "chor", 0, DAY)]
    with pytest.raises(VerbError, match="several"):
        scene("folders.remove", which="chor")
