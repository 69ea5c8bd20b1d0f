"""When the disk is counted, what outlives a boot, and who is counted more often."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.supervisor.compose import Known, compose
from appliance.supervisor.quotas_ledger import Ledger, Sources, latest
from appliance.usage.delta import Delta, Place
from appliance.usage.scan import Found
from tests.unit.supervisor.scenery import FRED, directory, settings_in

BERLIN = ZoneInfo("Europe/Berlin")


class NoWaiting(threading.Event):
    """Time passes at once."""

    def wait(self, timeout=None):
        return self.is_set()


class Server:
    """A ledger over a disk that the test says."""

    def __init__(self, folder):
        self.settings = settings_in(folder)
        self.snapshot = compose(directory(), Known(), self.settings)
        self.mail, self.files, self.deep = {}, {}, frozenset()
        self.scans = []
        self.away = False
        self.now = datetime.now(UTC)
        self.started()

    def started(self):
        sources = Sources(self.scan, lambda: self.snapshot)
        self.ledger = Ledger(self.settings, sources, -1, lambda: self.now, NoWaiting())

    def scan(self, logins, groups):
        if self.away:
            raise Unreachable("away")
        self.scans.append((list(logins), groups))
        deep = self.deep & {f"homes/{login}" for login in logins}
        return Found({login: self.mail.get(login, 0) for login in logins}, self.files if groups else {}, {}, deep)

    def tended(self):
        self.scans.clear()
        self.ledger.tend()
        self.ledger.usage.refresh()
        return len(self.scans)

    def delta(self, place):
        numbers = self.settings.directory
        return Delta(self.settings.server.runtime / "usage", place, numbers.id_first, numbers.id_last)

    @property
    def base(self):
        return self.settings.server.runtime / "usage" / "base" / "ledger"


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path)


def test_it_is_counted_at_the_start_and_then_each_night(server):
    server.files[FRED.uid] = 700
    assert server.tended() == 1
    assert server.ledger.usage.of(FRED.uid) == 700
    assert server.tended() == 0
    server.now += timedelta(days=1)
    assert server.tended() == 1


def test_after_a_boot_the_copy_counts_until_the_disk_was_counted(server):
    server.files[FRED.uid] = 700
    server.tended()
    server.base.unlink()
    server.started()
    server.away = True
    server.tended()
    assert server.ledger.usage.of(FRED.uid) == 700
    server.away = False
    server.files[FRED.uid] = 800
    assert server.tended() == 1
    assert server.ledger.usage.of(FRED.uid) == 800


def test_a_helper_that_is_away_is_asked_again_and_one_line_says_so(server, caplog):
    server.away = True
    server.tended()
    server.tended()
    assert len(caplog.records) == 1
    assert not server.ledger.usage.known
    server.away = False
    assert server.tended() == 1
    assert server.ledger.usage.known


def test_who_is_nearly_full_and_deletes_mail_has_room_within_the_minute(server):
    server.snapshot = replace(
        server.snapshot,
        accounts={login: replace(account, quota=1_000) for login, account in server.snapshot.accounts.items()},
    )
    server.mail[FRED.login], server.files[FRED.uid] = 600, 380
    server.tended()
    counted_at = server.base.stat().st_mtime
    server.mail[FRED.login] = 100
    assert server.tended() == 1
    assert server.scans == [([FRED.login], False)]
    assert server.ledger.usage.parts(FRED.uid) == (100, 380)
    assert server.base.stat().st_mtime == pytest.approx(counted_at)
    assert server.tended() == 0


def test_what_is_written_while_nearly_full_is_not_lost(server):
    server.snapshot = replace(
        server.snapshot, accounts={FRED.login: replace(server.snapshot.accounts[FRED.login], quota=1_000)}
    )
    server.mail[FRED.login] = 950
    server.tended()
    files, mail = server.delta(Place.FILES), server.delta(Place.MAIL)
    files.add(FRED.uid, 30)
    mail.add(FRED.uid, 20)
    server.ledger.usage.refresh()
    server.mail[FRED.login] = 500 + 20
    assert server.tended() == 1
    assert server.ledger.usage.parts(FRED.uid) == (520, 30)
    files.close()
    mail.close()


def test_large_schools_are_counted_in_pieces_and_the_groups_once(server):
    account = server.snapshot.accounts[FRED.login]
    people = {f"p.{n:03}": replace(account, login=f"p.{n:03}", uid=21_000 + n) for n in range(120)}
    server.snapshot = replace(server.snapshot, accounts=people)
    server.mail["p.119"] = 5
    server.tended()
    assert [(len(logins), groups) for logins, groups in server.scans] == [(50, True), (50, False), (20, False)]
    assert server.ledger.usage.of(21_119) == 5


def test_who_has_folders_too_deep_for_the_nightly_copy_is_known_until_a_count_finds_none(server):
    assert server.ledger.check() is None
    server.deep = frozenset({f"homes/{FRED.login}"})
    server.tended()
    row = server.ledger.check()
    assert row is not None and not row["ok"] and row["text"].startswith("1 homes") and FRED.login not in row["text"]
    assert server.ledger.deep == server.deep
    server.deep = frozenset()
    server.ledger.count()
    assert server.ledger.check() is None


def test_stopping_gives_up_and_changes_nothing(server):
    server.ledger.stop()
    assert server.tended() == 0
    assert not server.base.exists()


def test_a_disk_that_cannot_be_written_is_no_end(server, caplog):
    server.base.parent.parent.mkdir()
    server.base.parent.touch()  # where a folder should be
    server.tended()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T01:30:00+00:00", "2026-11-23T01:30:00+00:00"),
        ("2026-11-23T01:29:59+00:00", "2026-11-22T01:30:00+00:00"),
        ("2026-11-22T23:30:00+00:00", "2026-11-22T01:30:00+00:00"),
        ("2026-10-25T00:30:00+00:00", "2026-10-25T00:30:00+00:00"),  # 02:30 comes twice
        ("2026-10-25T01:15:00+00:00", "2026-10-25T00:30:00+00:00"),
    ],
)
def test_the_last_night(now, expected):
    found = latest(time(2, 30), datetime.fromisoformat(now), BERLIN)
    assert found.astimezone(UTC) == datetime.fromisoformat(expected)


def test_what_a_restore_added_counts_at_once_and_only_once(server):
    uid = FRED.uid
    server.ledger.tend()
    server.ledger.restored(Place.FILES, {uid: 5_000, uid + 1: 7, 5: 9})
    server.ledger.restored(Place.MAIL, {uid: 300})
    assert server.ledger.usage.parts(uid) == (300, 5_000)
    server.ledger.restored(Place.FILES, {uid: 1_000})
    assert server.ledger.usage.parts(uid) == (300, 6_000)
    server.files, server.mail = {uid: 6_000}, {FRED.login: 300}
    server.ledger.count()
    assert server.ledger.usage.parts(uid) == (300, 6_000)
