"""Publication on a real disk, with a directory that a test writes (the seam ``Source``)."""

import os
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.directory.errors import DirectoryUnavailable
from appliance.policy.account import Consent, Lock, Role, Service
from appliance.policy.snapshot import decode
from appliance.supervisor.kicker import Kicker
from appliance.supervisor.locks import KnownLock, Locks
from appliance.supervisor.memory import StateMemory
from appliance.supervisor.people import GivenConsent, People
from appliance.supervisor.publisher import READERS, Publisher
from appliance.supervisor.state import State
from appliance.supervisor.versions import Kicks
from tests.unit.supervisor.scenery import ANNA, FRED, account, directory, settings_in


class Source:
    """A directory as the publisher sees it."""

    def __init__(self, state):
        self.state = state
        self.away = False
        self.reads = 0

    def read(self):
        self._answer()
        self.reads += 1
        return self.state

    def changed(self, cookie):
        self._answer()
        return cookie != self.state.cookie

    def set(self, *accounts):
        self.state = directory(*accounts, cookie=str(int(self.state.cookie) + 1))

    def _answer(self):
        if self.away:
            raise DirectoryUnavailable("connection refused")


class Scene:
    def __init__(self, folder):
        self.settings = settings_in(folder)
        self.source = Source(directory())
        self.now = datetime.now(UTC)
        self.kicked = []
        self.noted = 0
        self.open()

    def open(self):
        """Also what happens when a supervisor takes over from a killed one."""
        self.state = State(self.settings.server.state / "supervisor" / "state.db")
        self.people, self.locks = People(self.state), Locks(self.state)
        kicker = Kicker(Kicks(self.state), lambda service, login: self.kicked.append(login), time.monotonic)
        memory = StateMemory(self.state, self.people, self.locks, kicker)
        self.kicker = kicker
        self.publisher = Publisher(self.settings, self.source, memory, {}, self._noted, lambda: self.now)

    def _noted(self):
        self.noted += 1

    def lock(self, person=FRED, until=None, service=None):
        self.locks.add(person.uid, KnownLock(Lock(service, self.now, until), "x", "carer"))
        return self.publisher.publish()

    def path(self, audience="mail"):
        return self.settings.server.runtime / "snapshots" / f"{audience}.snapshot"

    def read(self, audience="mail"):
        return decode(self.path(audience).read_bytes())


@pytest.fixture
def scene(tmp_path):
    made = Scene(tmp_path)
    yield made
    made.state.close()


def test_each_audience_gets_its_file_for_its_group_only(scene):
    assert scene.publisher.look()
    for audience in READERS:
        assert scene.read(audience).audience == audience
        assert scene.path(audience).stat().st_mode & 0o777 == 0o440
    assert scene.read("mail").accounts["fred.mustermann"].display_name == "Fred Mustermann"  # it is written into From
    assert scene.read("web").accounts["fred.mustermann"].display_name == ""


def test_nothing_is_written_while_nothing_changes(scene):
    scene.publisher.look()
    before = {audience: scene.path(audience).stat() for audience in READERS}
    for _ in range(5):
        assert scene.publisher.look()
    scene.source.set(ANNA, FRED, *(found for found in scene.source.state.accounts if found.hidden))  # says the same
    assert scene.publisher.look()
    assert {audience: scene.path(audience).stat() for audience in READERS} == before
    assert scene.source.reads == 2


def test_only_the_audience_that_decides_on_it_gets_a_new_file(scene):
    scene.publisher.look()
    before = {audience: scene.read(audience).version for audience in READERS}
    scene.lock(service=Service.WEB)
    after = {audience: scene.read(audience).version for audience in READERS}
    assert after["mail"] == before["mail"]
    assert after["auth"] > before["auth"]
    assert after["auth"] == after["supervisor"]


def test_a_lock_is_published_without_asking_the_directory(scene):
    scene.publisher.look()
    scene.source.away = True
    assert scene.lock()
    assert scene.read().accounts["fred.mustermann"].locks
    assert scene.source.reads == 1


def test_a_lock_ends_by_itself(scene):
    scene.publisher.look()
    scene.lock(until=scene.now + timedelta(minutes=5))
    locked = scene.read()
    scene.now += timedelta(minutes=5)
    scene.publisher.look()
    assert not scene.read().accounts["fred.mustermann"].locks
    assert scene.read().version > locked.version


def test_a_file_that_was_taken_away_comes_back_with_the_next_change(scene):
    scene.publisher.look()
    scene.path("mail").unlink()
    scene.lock(ANNA, service=Service.WEB)
    assert scene.read("mail").accounts


def test_while_the_directory_is_away_the_last_snapshot_stays_and_the_standing_says_so(scene):
    scene.publisher.look()
    published = scene.path().read_bytes()
    scene.source.away = True
    scene.now += timedelta(seconds=10)
    assert scene.publisher.look()
    standing = scene.publisher.standing
    assert standing.away == "connection refused"
    assert standing.away_since == scene.now
    assert scene.path().read_bytes() == published
    scene.source.away = False
    scene.publisher.look()
    assert scene.publisher.standing.away is None


def test_with_a_directory_away_from_the_start_the_former_files_stay(scene):
    scene.publisher.look()
    published = scene.path().read_bytes()
    scene.state.close()
    scene.source.away = True
    scene.open()
    assert scene.publisher.look()
    assert scene.path().read_bytes() == published
    assert "fred.mustermann" in scene.publisher.snapshot.accounts
    assert scene.lock()
    assert scene.read().accounts["fred.mustermann"].locks
    scene.source.away = False
    before = scene.read().version
    assert scene.publisher.look()
    assert scene.read().version == before


def test_before_anything_is_known_nothing_is_published(scene):
    scene.source.away = True
    assert not scene.publisher.look()
    assert not scene.path().exists()
    assert scene.publisher.snapshot is None


def test_who_takes_over_goes_on_with_the_version_and_writes_nothing_anew(scene):
    scene.publisher.look()
    scene.lock()
    before = scene.read().version
    scene.state.close()
    scene.open()
    assert scene.publisher.look()
    assert scene.read().version == before
    scene.lock(ANNA)
    assert scene.read().version > before


def test_a_state_restored_from_an_old_backup_does_not_publish_older_versions(scene):
    scene.publisher.look()
    for _ in range(3):
        scene.lock()
        scene.locks.lift(FRED.uid, None, scene.now)
        scene.publisher.publish()
    newest = scene.read().version
    scene.state.close()
    for file in (scene.settings.server.state / "supervisor").iterdir():
        file.unlink()
    scene.open()
    scene.publisher.look()
    scene.lock()
    assert scene.read().version > newest


def test_a_cut_file_is_written_anew_at_the_start(scene):
    scene.publisher.look()
    data = scene.path().read_bytes()
    scene.state.close()
    scene.path().unlink()
    scene.path().write_bytes(data[:100])
    scene.open()
    scene.publisher.look()
    assert scene.read().accounts


def consent_for_all(scene):
    for person in (FRED, ANNA):
        for consent in Consent:
            scene.people.give(person.uid, GivenConsent(consent, "1", scene.now, "carer"))


def test_kicks_are_noted_after_publication_and_survive_a_kill(scene):
    consent_for_all(scene)
    scene.publisher.look()
    assert scene.noted == 0
    scene.lock()
    assert scene.noted == 1
    scene.state.close()
    scene.open()
    assert scene.kicker.run()
    assert scene.kicked == ["fred.mustermann"]


def test_a_session_that_came_in_between_is_ended_by_the_second_round(scene):
    consent_for_all(scene)
    scene.publisher.look()
    scene.lock()
    clock = [0.0]
    kicker = Kicker(Kicks(scene.state), lambda service, login: scene.kicked.append(login), lambda: clock[0])
    assert kicker.run()
    clock[0] = 1.0
    assert not kicker.run()
    assert scene.kicked == ["fred.mustermann"] * 2
    assert not kicker.run()


def test_what_changed_while_nobody_supervised_ends_sessions_too(scene):
    consent_for_all(scene)
    scene.publisher.look()
    scene.state.close()
    scene.source.set(ANNA, replace(FRED, disabled=True))
    scene.open()
    scene.publisher.look()
    scene.kicker.run()
    assert scene.kicked == ["fred.mustermann"]


@pytest.fixture
def small_runtime(scene):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    place = scene.path().parent
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], check=False)
    if made.returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_keeps_the_last_snapshot_and_is_mended_by_itself(scene, small_runtime):
    scene.publisher.look()
    published = scene.path().read_bytes()
    ballast = small_runtime / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(bytes(4096))
    assert not scene.lock()
    assert "No space left" in scene.publisher.standing.problem
    assert scene.path().read_bytes() == published
    assert {path.name for path in small_runtime.iterdir()} == {
        "ballast",
        *(f"{audience}.snapshot" for audience in READERS),
    }
    ballast.unlink()
    assert scene.publisher.look()
    assert scene.publisher.standing.problem is None
    assert scene.read().accounts["fred.mustermann"].locks


def test_5000_accounts_one_change(scene, record_property):
    people = [
        account(f"pupil.number{number}", 20000 + number, groups=(f"klasse{number % 40}",)) for number in range(4900)
    ] + [account(f"teacher.number{number}", 30000 + number, Role.TEACHER) for number in range(100)]
    with scene.state.change() as database:
        database.executemany(
            "INSERT INTO consent VALUES (?, ?, '1', ?, 'carer')",
            [
                (person.uid, consent.value, scene.now.isoformat())
                for person in people
                for consent in (Consent.ACCOUNT, Consent.LOGS)
            ],
        )
    scene.source.set(*people)
    scene.publisher.look()
    begun = time.monotonic()
    scene.lock(people[0])
    lock = time.monotonic() - begun
    scene.source.set(*people[1:], replace(people[0], must_change=True))
    begun = time.monotonic()
    scene.publisher.look()
    change = time.monotonic() - begun
    begun = time.monotonic()
    scene.publisher.look()
    idle = time.monotonic() - begun
    assert scene.read("supervisor").accounts["pupil.number0"].must_change
    print(f"\npublish of 5,000 accounts: after a lock {lock:.3f} s, after a change {change:.3f} s, idle {idle:.6f} s")
    record_property("seconds", change)
    assert idle < change
