"""The state on a real disk: what was confirmed stays, what was refused leaves nothing, a broken file stays as it is."""

import os
import signal
import sqlite3
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from appliance.policy.account import Consent, Lock, Service
from appliance.policy.lessons import Measure
from appliance.policy.snapshot import Version
from appliance.supervisor.devices import Device, Devices
from appliance.supervisor.lessons import KnownLesson, Lessons
from appliance.supervisor.limits import Exemption, Exemptions
from appliance.supervisor.locks import KnownLock, Locks
from appliance.supervisor.people import GivenConsent, OutOfNumbers, People, Person
from appliance.supervisor.quotas import KnownQuota, Quotas
from appliance.supervisor.state import FORMAT, BrokenState, State, StateError
from appliance.supervisor.versions import Kicks, Versions

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
FRED = Person(20001, "fred.mustermann", "4711", date(2017, 2, 1))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def state(path):
    opened = State(path)
    yield opened
    opened.close()


def reopened(state, path):
    state.close()
    return State(path)


def test_the_file_is_for_its_owner_only(state, path):
    with state.change() as database:
        database.execute("INSERT INTO home VALUES (1)")
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_persons_consents_and_homes_outlive_the_process(state, path):
    people = People(state)
    people.remember(FRED)
    people.give(FRED.uid, GivenConsent(Consent.LOGS, "2026-08", NOW, "carer"))
    people.home_made(FRED.uid)
    again = reopened(state, path)
    people = People(again)
    assert people.all() == {FRED.uid: FRED}
    assert people.consents() == {FRED.uid: (GivenConsent(Consent.LOGS, "2026-08", NOW, "carer"),)}
    assert people.homes() == {FRED.uid}
    assert people.withdraw(FRED.uid, Consent.LOGS)
    assert not people.withdraw(FRED.uid, Consent.LOGS)
    again.close()


def test_a_forgotten_person_leaves_nothing_behind_in_the_file(state, path):
    people = People(state)
    people.remember(FRED)
    Locks(state).add(FRED.uid, KnownLock(Lock(None, NOW, None), "a reason to be found", "carer"))
    Exemptions(state).add(exempted(NOW, uid=FRED.uid, reason="a reason to be found"))
    Quotas(state).set(FRED.uid, KnownQuota(1, NOW, None, "a reason to be found", "carer"))
    Devices(state).bind(device("10.1.40.7", FRED.uid, NOW))
    people.forget(FRED.uid)
    reopened(state, path).close()
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"mustermann" not in everything
    assert b"a reason to be found" not in everything
    assert b"10.1.40.7" not in everything


def test_a_source_id_belongs_to_one_person(state):
    people = People(state)
    people.remember(FRED)
    with pytest.raises(StateError, match="source_id"):
        people.remember(Person(20002, "other.person", "4711"))
    assert list(people.all()) == [FRED.uid]


def test_numbers_are_never_given_twice(state, path):
    people = People(state)
    assert [people.next_number("uid", 20000, 20010) for _ in range(3)] == [20000, 20001, 20002]
    assert people.next_number("gid", 20000, 20010) == 20003  # no group has the number of a person's own group (K05)
    assert people.next_number("uid", 20000, 20010, used=20007) == 20008
    people = People(reopened(state, path))
    assert people.next_number("uid", 20000, 20010) == 20009
    people.next_number("uid", 20000, 20010)
    with pytest.raises(OutOfNumbers, match=r"20000 and 20010.*id_last"):
        people.next_number("uid", 20000, 20010)


def test_threads_get_different_numbers(state):
    people, given = People(state), []
    threads = [
        threading.Thread(target=lambda: given.extend(people.next_number("uid", 1, 10**6) for _ in range(20)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, 121))


def test_a_lock_is_replaced_lifted_and_ends_by_itself(state):
    locks = Locks(state)
    locks.add(1, KnownLock(Lock(None, NOW, None), "first", "carer"))
    locks.add(1, KnownLock(Lock(None, NOW, NOW + timedelta(hours=1)), "second", "carer"))
    locks.add(1, KnownLock(Lock(Service.MAIL, NOW, None), "mail only", "head"))
    standing = locks.standing(NOW)[1]
    assert [(known.lock.service, known.reason) for known in standing] == [(None, "second"), (Service.MAIL, "mail only")]
    later = NOW + timedelta(hours=1)
    assert [known.reason for known in locks.standing(later)[1]] == ["mail only"]
    assert not locks.lift(1, None, later)
    assert locks.lift(1, Service.MAIL, later)
    assert locks.standing(later) == {}


def exempted(until, uid=None, gid=None, reason="film"):
    return Exemption(uid, gid, 500_000_000, NOW, until, reason, "carer")


def test_an_exemption_is_replaced_revoked_and_ends_by_itself(state, path):
    exemptions, soon, late = Exemptions(state), NOW + timedelta(hours=1), NOW + timedelta(days=1)
    exemptions.add(exempted(late, uid=1, reason="first"))
    exemptions.add(exempted(soon, uid=1, reason="second"))
    exemptions.add(exempted(late, gid=1))
    assert exemptions.standing(NOW) == (exempted(soon, uid=1, reason="second"), exempted(late, gid=1))
    exemptions = Exemptions(reopened(state, path))
    assert exemptions.standing(soon) == (exempted(late, gid=1),)
    assert not exemptions.revoke(1, None, soon)
    assert not exemptions.revoke(None, 2, soon)
    assert exemptions.revoke(None, 1, soon)
    assert exemptions.standing(NOW) == ()


def test_a_quota_of_ones_own_is_replaced_reset_and_ends_by_itself(state):
    quotas, soon = Quotas(state), NOW + timedelta(hours=1)
    quotas.set(1, KnownQuota(5, NOW, None, "first", "carer"))
    quotas.set(1, KnownQuota(7, NOW, soon, "second", "carer"))
    quotas.set(2, KnownQuota(9, NOW, None, "for good", "head"))
    assert quotas.standing(NOW)[1] == KnownQuota(7, NOW, soon, "second", "carer")
    assert list(quotas.standing(soon)) == [2]
    assert quotas.reset(2)
    assert not quotas.reset(2)


def device(address, uid, until):
    return Device(address, uid, NOW, until, "carer")


def test_a_device_is_bound_to_one_released_and_its_session_ends_by_itself(state, path):
    devices, soon, late = Devices(state), NOW + timedelta(hours=1), NOW + timedelta(days=1)
    assert devices.bind(device("10.1.40.7", 1, late)) is None
    assert devices.bind(device("10.1.40.7", 2, soon)) == device("10.1.40.7", 1, late)
    assert devices.bind(device("fd00:40::7", 2, late)) is None
    assert devices.standing(NOW) == (device("10.1.40.7", 2, soon), device("fd00:40::7", 2, late))
    devices = Devices(reopened(state, path))
    assert devices.standing(soon) == (device("fd00:40::7", 2, late),)
    assert devices.release("10.1.40.7", soon) is None
    assert devices.release("10.1.40.8", NOW) is None
    assert devices.release("fd00:40::7", soon) == device("fd00:40::7", 2, late)
    assert devices.standing(NOW) == ()


def test_what_has_ended_is_swept_away_with_the_next_change(state, path):
    devices = Devices(state)
    devices.bind(device("10.1.40.7", 1, NOW + timedelta(hours=1)))
    devices.bind(replace(device("10.1.40.8", 1, NOW + timedelta(days=1)), since=NOW + timedelta(hours=1)))
    state.close()
    assert sqlite3.connect(path).execute("SELECT address FROM binding").fetchall() == [("10.1.40.8",)]


def test_what_is_set_for_lessons_is_kept_replaced_ended_and_never_has_a_number_twice(state, path):
    lessons, soon, late = Lessons(state), NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    block = KnownLesson(Measure.BLOCK, None, "12", (), NOW, soon, "anna.lehmann")
    exam = KnownLesson(Measure.EXAM, 30001, None, ("example.net", "example.org"), NOW, late, "carer")
    assert lessons.add(block) == (replace(block, number=1), ())
    assert lessons.add(exam) == (replace(exam, number=2), ())
    assert lessons.add(replace(block, until=late)) == (
        replace(block, until=late, number=3),
        (replace(block, number=1),),
    )
    lessons = Lessons(reopened(state, path))
    assert lessons.standing(NOW) == (replace(exam, number=2), replace(block, until=late, number=3))
    assert lessons.standing(late) == ()
    lessons.end([3], NOW)
    assert [one.number for one in lessons.standing(NOW)] == [2]
    assert lessons.add(replace(block, since=late, until=late + timedelta(hours=1)))[0].number == 4
    assert sqlite3.connect(path).execute("SELECT id FROM lesson").fetchall() == [(4,)], "what has ended is swept away"


def test_a_state_of_format_1_is_brought_up_with_all_that_is_in_it(path):
    State(path).close()
    older = sqlite3.connect(path)
    later = ("exemption", "quota", "alert", "notice", "engine", "quota_warned", "binding", "lesson")
    older.executescript("".join(f"DROP TABLE {table}; " for table in later) + "PRAGMA user_version = 1;")
    older.execute("INSERT INTO person VALUES (?, ?, ?, ?)", (FRED.uid, FRED.login, FRED.source_id, "2017-02-01"))
    older.commit()
    older.close()
    state = State(path)
    assert People(state).all() == {FRED.uid: FRED}
    Quotas(state).set(FRED.uid, KnownQuota(1, NOW, None, "a", "b"))
    state.close()
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (FORMAT,)


def test_versions_only_grow_also_above_what_was_published(state, path):
    versions = Versions(state)
    first, second = versions.next(None), versions.next(None)
    assert first < second
    published = Version(second.epoch, second.counter + 50)
    third = versions.next(published)
    assert third > published
    assert Versions(reopened(state, path)).next(None) > third


def test_a_state_made_anew_does_not_go_back(tmp_path):
    newer = State(tmp_path / "other.db")
    published = Version(4_000_000_000, 7)  # of a machine whose clock was ahead
    assert Versions(newer).next(published) == Version(4_000_000_000, 8)
    newer.close()


def test_a_change_that_fails_leaves_nothing(state):
    generation = state.generation
    with pytest.raises(ZeroDivisionError), state.change() as database:
        database.execute("INSERT INTO home VALUES (1)")
        _ = 1 / 0
    assert People(state).homes() == frozenset()
    assert state.generation == generation


def test_only_what_is_published_counts_as_a_change(state):
    people, generation = People(state), state.generation
    people.next_number("uid", 1, 10)
    people.remember(FRED)
    Versions(state).next(None)
    Kicks(state).note("mail", ["fred.mustermann"])
    assert state.generation == generation
    people.give(FRED.uid, GivenConsent(Consent.LOGS, "1", NOW, "carer"))
    assert state.generation != generation


def filled(path):
    state = State(path)
    for number in range(300):
        People(state).remember(Person(number + 1, f"login.number{number}", f"S{number}"))
    state.close()
    return path.read_bytes()


@pytest.mark.parametrize("keep", [0.3, 0.7])
def test_a_cut_file_is_refused_and_left_as_it_is(path, keep):
    whole = filled(path)
    cut = whole[: int(len(whole) * keep)]
    path.write_bytes(cut)
    with pytest.raises(BrokenState, match=r"damaged.*restore it from the backup"):
        State(path)
    assert path.read_bytes() == cut


def test_a_file_with_garbage_inside_is_refused(path):
    whole = bytearray(filled(path))
    whole[8192:12288] = os.urandom(4096)
    path.write_bytes(whole)
    with pytest.raises(BrokenState, match="damaged"):
        State(path)


def test_a_strangers_and_a_newer_file_are_refused(path, tmp_path):
    path.write_bytes(b"no database at all, but long enough for a header" * 40)
    with pytest.raises(BrokenState):
        State(path)
    other = sqlite3.connect(tmp_path / "stranger.db")
    other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(BrokenState, match="not a state of this program"):
        State(tmp_path / "stranger.db")
    newer = tmp_path / "newer.db"
    State(newer).close()
    other = sqlite3.connect(newer)
    other.execute(f"PRAGMA user_version = {FORMAT + 1}")
    other.close()
    with pytest.raises(BrokenState, match=rf"format {FORMAT + 1}.*upgrade the program"):
        State(newer)


def test_a_folder_that_is_missing_is_said(tmp_path):
    with pytest.raises((StateError, OSError), match="nowhere"):
        State(tmp_path / "nowhere" / "state.db")


COUNTING = """
import sys
from pathlib import Path
from appliance.supervisor.state import State
from appliance.supervisor.versions import Versions
versions = Versions(State(Path(sys.argv[1])))
while True:
    print(versions.next(None).counter, flush=True)
"""


def test_after_kill_9_no_version_is_given_again(path):
    highest = 0
    for lines in (5, 12, 3):
        process = subprocess.Popen(
            ["/usr/bin/python3", "-c", COUNTING, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        seen = [int(process.stdout.readline()) for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        seen += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        assert seen == list(range(seen[0], seen[0] + len(seen)))
        assert seen[0] > highest
        highest = seen[-1]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB; only root can make one."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False)
    if made.returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_a_full_disk_nothing_is_half_done_and_it_goes_on_afterwards(small_disk):
    state = State(small_disk / "state.db")
    people = People(state)
    people.remember(FRED)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(bytes(4096))
    with pytest.raises(StateError, match=r"no space left.*nothing was changed"):
        for number in range(200):
            people.remember(Person(number + 1, f"login.number{number}", f"S{number}"))
    before = people.all()
    assert before[FRED.uid] == FRED
    ballast.unlink()
    people.remember(Person(30000, "anna.lehmann"))
    assert people.all() == {**before, 30000: Person(30000, "anna.lehmann")}
    state.close()
    again = State(small_disk / "state.db")
    assert People(again).all()[30000].login == "anna.lehmann"
    again.close()
