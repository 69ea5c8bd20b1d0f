"""A person leaves all snapshots: asked by the school's server, ripened over there, by real sshd and committer."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from appliance.backup import argv
from appliance.backup.deletions import Deletions
from appliance.backup.forgetting import forget
from appliance.backup.intent import second_place
from appliance.backup.problem import BackupError
from appliance.backup.restore import restore
from appliance.backup.rsync import Runner
from appliance.backup.run import listing
from appliance.backup.wanted import Wanted
from appliance.backup_server import deleted, forget_list
from appliance.backup_server.forget import work
from appliance.backup_server.forget_rule import RIPENING
from tests.integration.backup.conftest import AS_ROOT, UID

FRED, ERIKA = "fred.mustermann", "erika.lehmann"
OTHER = UID + 1 if AS_ROOT else UID
TODAY = datetime.now(UTC).date()


@pytest.fixture
def people(school):
    for login, uid in ((FRED, UID), (ERIKA, OTHER)):
        school.put(school.home(login, uid) / "letter", login.encode(), uid=uid)
        box = school.data / "mail" / login / "cur"
        box.mkdir(parents=True)
        (box / "1.host,S=1:2,").write_bytes(b"x")
    return school


def ask(school, login=FRED, uid=UID, **more):
    return forget(school.settings, {"login": login, "uid": uid, **more})


def later(school, wait=RIPENING):
    """What the backup server does by itself when so much time has passed."""
    return work(school.copies.parent, lambda: datetime.now(UTC) + wait)


def units(snapshot):
    return sorted(f"{part}/{one.name}" for part in ("homes", "mail") for one in (snapshot / part).iterdir())


def test_asked_here_it_ripens_over_there_and_everything_else_is_whole(people):
    first, second = people.copy(), people.copy()
    told = ask(people)
    assert ask(people)["id"] == told["id"]
    (waiting,) = listing(people.settings)["forgetting"]
    assert waiting == {**{name: told[name] for name in ("id", "asked", "ripe")}, "confirmed": False, "consent": False}
    assert later(people, timedelta(days=13)).done == 0
    assert later(people).removed == 4
    for snapshot in (first, second):
        assert units(snapshot) == [f"homes/{ERIKA}", f"mail/{ERIKA}"]
    with pytest.raises(BackupError) as caught:
        restore(people.settings, Wanted("homes", FRED, UID, ("letter",)))
    assert caught.value.kind == "no-copy"
    assert restore(people.settings, Wanted("homes", ERIKA, OTHER, ("letter",)))["files"] == 1
    third = people.copy()
    assert units(third) == sorted(f"{part}/{login}" for part in ("homes", "mail") for login in (FRED, ERIKA))
    people.check(third.name)
    assert restore(people.settings, Wanted("homes", FRED, UID, ("letter",)))["snapshot"] == third.name


def test_a_request_is_taken_back_while_it_ripens(people):
    snapshot = people.copy()
    ask(people)
    assert ask(people, undo=True)["taken_back"]
    assert later(people).done == 0
    assert len(units(snapshot)) == 4
    with pytest.raises(BackupError, match="no request for this person"):
        ask(people, undo=True)


def test_a_withdrawn_consent_waits_for_a_word_over_there(people):
    people.copy()
    assert ask(people, consent_withdrawn=True)["consent"]
    assert later(people, timedelta(days=1)).done == 0
    assert forget_list.read(people.copies.parent)[0].consent


def test_who_is_in_no_snapshot_is_said_to_be_so(people):
    people.copy()
    with pytest.raises(BackupError, match="no snapshot has a home of this login"):
        ask(people, "nobody.here", None)
    assert ask(people, FRED, None)["id"] == ask(people, FRED, UID if AS_ROOT else None)["id"]


@pytest.mark.parametrize("said", [b"", b"{}", b'{"login": "../erika.lehmann", "uid": 1}', b"\xff\xfe", b"[" * 9_999])
def test_a_server_that_was_broken_into_says_anything(people, said):
    people.copy()
    place = second_place(people.settings)
    with pytest.raises(BackupError):
        Runner(None, people.own_folder / "complaints").ask(argv.ask(place, "forget"), said)
    assert forget_list.read(people.copies.parent) == ()


def test_everybody_is_asked_for_and_a_tenth_goes(people):
    snapshot = people.copy()
    for login, uid in ((FRED, UID), (ERIKA, OTHER)):
        ask(people, login, uid)
    did = later(people)
    assert (did.done, did.withheld) == (1, 1)
    assert len(units(snapshot)) == 2


def test_an_account_deleted_for_good_is_listed_and_asked_for_by_the_next_backup(people):
    (people.state / "supervisor").mkdir(exist_ok=True)
    deletions = Deletions(people.state)
    deletions.note(FRED, UID if AS_ROOT else 4711, TODAY)
    snapshot = people.copy()
    place = people.copies.parent
    assert deleted.get(place) == deletions.listed()
    assert b"fred" not in deleted.get(place)
    (waiting,) = forget_list.read(place)
    assert (waiting.login, waiting.uid) == (FRED, UID if AS_ROOT else 4711)
    people.copy()
    assert len(forget_list.read(place)) == 1
    (people.state / "supervisor" / "deleted" / "list").unlink()
    deletions.note(ERIKA, 4712, TODAY)
    people.copy()
    assert len(deleted.read(deleted.get(place))) == 2
    assert snapshot.exists()


def test_the_recovery_key_reads_the_list_of_deleted_and_asks_for_nothing(people):
    (people.state / "supervisor").mkdir(exist_ok=True)
    Deletions(people.state).note(FRED, 4711, TODAY)
    people.copy()
    place = second_place(people.settings)
    key = people.folder / "recovery"
    key.write_bytes((people.folder / "second-place" / "recovery").read_bytes())
    key.chmod(0o600)
    words = [str(key) if word == str(place.key) else word for word in argv.ask(place, "deleted")]
    listed = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, check=True, env=os.environ).stdout
    assert listed == Deletions(people.state).listed()
    for word in ("forget", "deleted put"):
        done = subprocess.run([*words[:-1], word], input=json.dumps({}).encode(), capture_output=True, check=False)
        assert done.returncode == 3
