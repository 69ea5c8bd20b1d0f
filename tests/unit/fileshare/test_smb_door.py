"""What is left of a no at the door over SMB: an event with whom it was, and a line for the carer without a name."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest

from appliance.directory.short import short_name
from appliance.fileshare.smb import door
from appliance.fileshare.smb.door import Closed, Door
from appliance.fileshare.smb.guests import Guest, Seat
from appliance.fileshare.smb.smbd import NoSmbd
from appliance.policy.account import Account, Lock, Role, Service
from appliance.policy.events import Event, Kind, validate
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.rules import AccessRule, Who
from appliance.policy.snapshot import Snapshot, Version
from appliance.session.house import House
from appliance.session.signed_in import SignedIn

ADDRESS = "10.1.12.7"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KNOWN = Snapshot(
    Version(1, 1),
    "files",
    "schule.example",
    ZoneInfo("Europe/Berlin"),
    accounts={
        login: Account(login, 20001 + number, Role.PUPIL, password_changed_at=NOW)
        for number, login in enumerate(("fred", "frida"))
    },
    rules=(AccessRule("access.yaml:1", frozenset(Service), Who(everyone=True), allow=True),),
)


class Smbd:
    """One that still runs, whatever it is told."""

    ended = False
    made: ClassVar[list[Smbd]] = []

    def __init__(self, pid: int = 4711, started: int | None = None, limit: int | None = None) -> None:
        self.pid, self.started, self.limit = pid, started, limit
        self.told: list[signal.Signals] = []
        self.closed = False
        Smbd.made.append(self)

    def confine(self, size: int) -> None:
        self.limit = size

    def written(self) -> int:
        return 0

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.told.append(number)

    def close(self) -> None:
        self.closed = True


class Journal:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        validate(event)
        self.events.append(event)

    def refuse(self, *_: object) -> str:
        return "7KQF-2MXA"


class Space:
    def largest(self, _guest: Guest) -> int:
        return 0

    def left_off(self, _guest: Guest) -> None:
        pass


class Still:
    """A loop on which only the test lets time pass."""

    def __init__(self) -> None:
        self.later: list[Callable[[], None]] = []

    def call_later(self, _seconds: float, callback: Callable[[], None]) -> Any:
        self.later.append(callback)
        return lambda: None

    def wake(self, _callback: object) -> None:
        pass


class Scene:
    """A door at which nobody is; ``snapshot`` is the newest."""

    def __init__(self, snapshot: Snapshot | None, folder: Path = Path("/nowhere")) -> None:
        self.snapshot = snapshot
        self.journal = Journal()
        house = House(snapshot=lambda: self.snapshot, journal=self.journal, now=lambda: NOW)
        self.keeps = True
        self.loop = Still()
        self.door = Door(house, Space(), self.loop, (folder, Path("/nowhere")), lambda: self.keeps)

    def enter(self, login: str = "fred", pid: int = 4711, share: str = "Groups") -> Seat:
        return self.door.enter(pid, rf"SCHULE\{short_name(login)}", share, ADDRESS)

    def no(self, login: str, pid: int = 4711) -> str:
        """Why ``login`` does not get in."""
        with pytest.raises(Closed) as closed:
            self.enter(login, pid)
        return closed.value.why


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, door.__name__)
    return caplog


def outcomes(scene: Scene) -> list[tuple[Any, ...]]:
    assert {event.kind for event in scene.journal.events} <= {Kind.SIGN_IN}
    return [tuple(event.fields[name] for name in ("login", "address", "outcome")) for event in scene.journal.events]


def test_too_many_connections_of_one_are_recorded_and_told_without_a_name_once_a_minute(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, now = Scene(KNOWN), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    scene.door.most = 0
    assert [scene.no("fred"), scene.no("fred")] == ["too-many", "too-many"]
    assert outcomes(scene) == [("fred", ADDRESS, "try-later")]
    (line,) = said.messages
    assert "fileshare.yaml: sessions_per_person" in line
    assert "fred" not in line
    now[0] += 61
    scene.no("fred")
    assert said.messages == [line, line]
    assert outcomes(scene) == [("fred", ADDRESS, "try-later")] * 2


def test_an_account_that_the_school_does_not_know_is_told_without_its_name(said: pytest.LogCaptureFixture) -> None:
    scene = Scene(KNOWN)
    assert scene.no("Administrator-of-it") == "unknown"
    assert outcomes(scene) == []
    (line,) = said.messages
    assert "no account of the school's directory" in line
    assert "of-it" not in line


def test_before_the_directory_was_read_nobody_gets_in_and_the_journal_says_so(said: pytest.LogCaptureFixture) -> None:
    assert Scene(None).no("fred") == "later"
    (line,) = said.messages
    assert "has not been read yet" in line


def test_who_comes_back_while_his_last_session_still_ends_is_recorded(said: pytest.LogCaptureFixture) -> None:
    scene = Scene(KNOWN)
    scene.door.seats[4711] = Seat(Smbd(), ending=True)  # type: ignore[arg-type]
    assert scene.no("fred") == "later"
    assert outcomes(scene) == [("fred", ADDRESS, "try-later")]
    assert said.messages == []


@pytest.fixture
def smbds(monkeypatch: pytest.MonkeyPatch) -> list[Smbd]:
    """Those that the door makes, which are in order."""
    monkeypatch.setattr(Smbd, "made", [])
    monkeypatch.setattr(door, "Smbd", Smbd)
    return Smbd.made


def test_who_opens_drives_faster_than_any_pc_is_told_to_wait_and_others_are_not(
    smbds: list[Smbd], said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, now = Scene(KNOWN), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for _ in range(30):
        scene.enter("fred")
    assert scene.no("fred") == "too-often"
    assert len(smbds) == 1
    scene.enter("frida", 4712)
    now[0] += 0.6
    scene.enter("fred")
    assert scene.no("fred") == "too-often"
    (line,) = said.messages
    assert "faster" in line
    assert "fred" not in line


def test_what_was_made_before_somebody_went_is_not_of_the_session_with_which_he_comes_again(
    smbds: list[Smbd], monkeypatch: pytest.MonkeyPatch
) -> None:
    """His files may not have been looked at in between, and what is cut of a session is removed."""
    scene, now = Scene(KNOWN), [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    first = scene.enter("fred")
    now[0] += 10
    scene.enter("fred", 4712)
    assert scene.door.cuts[20001].begun == 1000.0, "he has been here all the time"
    for seat in (first, scene.door.seats[4712]):
        scene.door.gone(seat)
    now[0] += 10
    scene.enter("fred", 4713)
    assert scene.door.cuts[20001].begun == 1020.0


def test_the_same_sign_in_is_recorded_once_a_minute(smbds: list[Smbd], monkeypatch: pytest.MonkeyPatch) -> None:
    scene, now = Scene(KNOWN), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for pid in range(1, 11):
        scene.door.gone(scene.enter("fred", pid))
    scene.enter("frida", 11)
    assert outcomes(scene) == [("fred", ADDRESS, "verified"), ("frida", ADDRESS, "verified")]
    now[0] += 61
    scene.enter("fred", 12)
    assert len(outcomes(scene)) == 3
    assert len(smbds) == 12


def test_who_cannot_be_kept_for_the_next_door_does_not_get_in(smbds: list[Smbd]) -> None:
    scene = Scene(KNOWN)
    seat = scene.enter("fred")
    scene.keeps = False
    assert scene.no("frida") == "later"
    assert list(seat.guests) == ["fred"], "who sat there goes on"
    assert scene.no("frida", 4712) == "later"
    assert list(scene.door.seats) == [4711]
    assert (smbds[0].closed, smbds[1].closed) == (False, True)
    assert outcomes(scene) == [("fred", ADDRESS, "verified"), ("frida", ADDRESS, "try-later")]
    assert len(scene.door.sessions) == 1


EXAM = Lesson(1, Measure.EXAM, NOW - timedelta(minutes=5), NOW + timedelta(hours=1), "klasse3a")


def in_class(*lessons: Lesson) -> Snapshot:
    """Both of one class."""
    accounts = {login: replace(one, groups=("klasse3a",)) for login, one in KNOWN.accounts.items()}
    return replace(KNOWN, accounts=accounts, lessons=lessons)


def test_in_an_exam_the_drive_of_groups_does_not_open_and_the_home_does(smbds: list[Smbd], tmp_path: Path) -> None:
    scene = Scene(in_class(EXAM), tmp_path)
    assert scene.no("fred") == "exam"
    assert outcomes(scene) == [("fred", ADDRESS, "denied")]
    assert list(scene.enter("fred", share="Home").guests) == ["fred"]
    assert scene.no("fred") == "exam", "in a session that is there, too"
    scene.snapshot = in_class(replace(EXAM, until=NOW))
    scene.enter("fred")
    assert len(smbds) == 1


def test_an_exam_that_begins_ends_what_is_open_and_nothing_that_comes_after(smbds: list[Smbd], tmp_path: Path) -> None:
    scene = Scene(in_class(), tmp_path)
    who = SignedIn("fred", EXAM.since - timedelta(minutes=5), NOW)
    scene.door.take_back(4711, 99, who, ADDRESS, 1001)
    scene.door.recheck_all()
    assert not smbds[0].told
    scene.snapshot = in_class(EXAM)
    scene.door.recheck_all()
    assert smbds[0].told == [signal.SIGTERM]
    ended = [event for event in scene.journal.events if event.kind is Kind.SESSION_ENDED]
    assert [dict(event.fields) for event in ended] == [{"login": "fred", "service": "files", "reason": "exam"}]
    scene.door.take_back(4712, 99, replace(who, at=NOW), ADDRESS, 1001)
    scene.door.recheck_all()
    assert not smbds[1].told


LOCKED = (Lock(None, NOW - timedelta(days=1), None),)


@pytest.mark.parametrize("change", ["gone", "locked", "broken"])
def test_an_smbd_of_before_that_cannot_be_taken_back_is_ended_by_force_if_need_be(
    smbds: list[Smbd], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would watch it: whose account was deleted while the door was away would stay in his drive."""
    fred = KNOWN.accounts["fred"]
    frida = {"frida": KNOWN.accounts["frida"]}
    accounts = {"gone": frida, "locked": frida | {"fred": replace(fred, locks=LOCKED)}, "broken": KNOWN.accounts}[
        change
    ]
    scene = Scene(replace(KNOWN, accounts=accounts))
    if change == "broken":
        monkeypatch.setattr(Smbd, "confine", cannot)
    with pytest.raises((Closed, OSError)):
        scene.door.take_back(4711, 99, SignedIn("fred", NOW, NOW), ADDRESS, 1001)
    seat = scene.door.seats[4711]
    smbd: Any = seat.smbd
    assert (smbd.started, smbd.told, smbd.closed) == (99, [signal.SIGTERM], False)
    assert not list(scene.door.guests())
    assert scene.no("frida") == "later", "nobody else gets into it"
    scene.loop.later[-1]()
    assert smbd.told == [signal.SIGTERM, signal.SIGKILL]
    scene.door.gone(seat)
    assert not scene.door.seats
    assert smbd.closed


def cannot(_smbd: Smbd, _size: int) -> None:
    raise OSError(5, "Input/output error")


def test_a_number_that_is_no_smbd_any_more_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*_: object) -> None:
        raise NoSmbd("process 4711 is not that smbd")

    monkeypatch.setattr(door, "Smbd", other)
    for snapshot in (KNOWN, replace(KNOWN, accounts={})):
        scene = Scene(snapshot)
        with pytest.raises(NoSmbd):
            scene.door.take_back(4711, 99, SignedIn("fred", NOW, NOW), ADDRESS, 1001)
        assert not scene.door.seats


def test_links_of_who_is_gone_are_removed(smbds: list[Smbd], tmp_path: Path) -> None:
    scene = Scene(KNOWN, tmp_path)
    for pid, login in enumerate(KNOWN.accounts):
        scene.enter(login, pid, "Home")
    homes, staff = tmp_path / "homes", tmp_path / "staff"
    staff.mkdir()
    (staff / "SCHULE\\frida").symlink_to("/nowhere/groups/kollegium")
    scene.door.sweep()
    assert len(list(homes.iterdir())) == 2
    assert not list(staff.iterdir()), "she is of no staff"
    scene.snapshot = replace(KNOWN, accounts={"frida": KNOWN.accounts["frida"]})
    scene.door.sweep()
    assert [link.name for link in homes.iterdir()] == ["SCHULE\\frida"]
    scene.snapshot = None
    scene.door.sweep()
    assert list(homes.iterdir())
