"""A person leaves every snapshot of a store, and nobody else does."""

import functools
import hashlib
import json
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest

from appliance.backup_server import forget, forget_list, forget_rule
from appliance.backup_server.forget_rule import RIPENING, Refused, Request
from appliance.backup_server.forgotten import forgotten
from appliance.backup_server.manifest import Index, Section

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FRED, ERIKA = ("fred.mustermann", 20001), ("erika.lehmann", 20002)


class Store:
    """A school's store, written as the committer leaves it."""

    def __init__(self, place):
        self.place, self.now = place, NOW
        (place / "snapshots").mkdir()

    def snapshot(self, *people, day=0, salt="0" * 32, mail_uid=True):
        snapshot = self.place / "snapshots" / f"{NOW + day * DAY:%Y-%m-%dT%H%M%S}"
        (snapshot / "sections").mkdir(parents=True)
        sections = set()
        for part in ("homes", "mail"):
            (snapshot / part).mkdir()
            for login, uid in people:
                unit = snapshot / part / login
                (unit / "deep").mkdir(parents=True)
                (unit / "deep" / "file").write_bytes(f"{login} {uid}".encode())
                (unit / "deep").chmod(0o550)
                number = uid if part == "homes" or mail_uid else None
                data = Section(part, login, number, salt, (b"d 700 1 1 0 0 - - .",)).encode()
                name = hashlib.sha256(data).hexdigest()
                (snapshot / "sections" / name).write_bytes(data)
                sections.add((part, name))
            (snapshot / part).chmod(0o550)
        (snapshot / "sections").chmod(0o550)
        made = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
        (snapshot / "index").write_bytes(Index("school", made, None, None, frozenset(sections)).encode())
        return snapshot

    def ask(self, login, uid, **more):
        return forget.asked(self.place, json.dumps({"login": login, "uid": uid, **more}).encode(), self.now)

    def work(self):
        return forget.work(self.place, lambda: self.now)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def units(snapshot):
    return sorted(f"{part}/{one.name}" for part in ("homes", "mail") for one in (snapshot / part).iterdir())


def test_home_and_mailbox_go_from_every_snapshot_and_nothing_else_does(store):
    kept = [store.snapshot(FRED, ERIKA, day=day, salt=f"{day:032x}") for day in range(3)]
    store.ask(*FRED)
    assert (store.work().done, store.work().waiting) == (0, 1)
    store.now += RIPENING
    assert store.work() == forget.Forgot(done=1, removed=6)
    for snapshot in kept:
        assert units(snapshot) == ["homes/erika.lehmann", "mail/erika.lehmann"]
        named = {name for _, name in Index.decode((snapshot / "index").read_bytes()).sections}
        there = {one.name for one in (snapshot / "sections").iterdir()}
        assert len(there) == 2
        assert named - there == named & forgotten(store.place)
        assert (snapshot / "homes").stat().st_mode & 0o777 == 0o550
    assert len(forgotten(store.place)) == 6
    assert store.work() == forget.Forgot()


def test_the_same_login_with_another_number_stays(store):
    before, now = store.snapshot(("fred.mustermann", 19000)), store.snapshot(FRED, day=1)
    store.ask("fred.mustermann", 19000)
    store.now += RIPENING
    store.work()
    assert (units(before), len(units(now))) == ([], 2)


def test_a_mailbox_without_a_number_goes_with_the_home_beside_it(store):
    before = store.snapshot(("fred.mustermann", 19000), mail_uid=False)
    now = store.snapshot(FRED, day=1, mail_uid=False)
    store.ask(*FRED)
    store.now += RIPENING
    store.work()
    assert (len(units(before)), units(now)) == (2, [])


def test_a_home_that_was_put_aside_goes_too(store):
    snapshot = store.snapshot((".former-20260201-20001-fred.mustermann", 0), (".former-20260201-9-fred.mustermann", 0))
    store.ask(*FRED)
    store.now += RIPENING
    assert store.work().removed == 2
    assert len(units(snapshot)) == 2


def test_a_home_whose_section_is_gone_is_known_by_its_owner(store):
    snapshot = store.snapshot((FRED[0], os.geteuid()))
    for one in (snapshot / "sections").iterdir():
        (snapshot / "sections").chmod(0o750)
        one.unlink()
    store.ask(FRED[0], os.geteuid() or 1)
    store.now += RIPENING
    store.work()
    assert units(snapshot) == ([] if os.geteuid() else ["homes/fred.mustermann", "mail/fred.mustermann"])


def test_a_deep_home_goes_too(store):
    snapshot = store.snapshot(FRED)
    here = os.open(snapshot / "homes" / FRED[0] / "deep", os.O_RDONLY)
    os.fchmod(here, 0o750)
    for _ in range(1_500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    store.ask(*FRED)
    store.now += RIPENING
    assert store.work().done == 1
    assert units(snapshot) == []


def test_what_a_cut_left_is_finished_and_cannot_be_taken_back(store, monkeypatch):
    snapshots = [store.snapshot(FRED, ERIKA, day=day) for day in range(2)]
    store.ask(*FRED)
    store.now += RIPENING
    removed = []

    def cut(path):
        if removed:
            raise OSError("cut")
        removed.append(path)
        forget_delete(path)

    forget_delete = forget._delete
    monkeypatch.setattr(forget, "_delete", cut)
    with pytest.raises(OSError, match="cut"):
        store.work()
    monkeypatch.undo()
    with pytest.raises(Refused):
        store.ask(*FRED, undo=True)
    assert store.work().done == 1
    assert all(units(one) == ["homes/erika.lehmann", "mail/erika.lehmann"] for one in snapshots)


def test_a_thousand_requests_in_a_night_remove_a_tenth(store):
    school = [(f"pupil{number}", 20000 + number) for number in range(40)]
    snapshot = store.snapshot(*school)
    everybody = [Request(*person, store.now) for person in school]
    everybody += [Request(f"nobody{number}", 30000 + number, store.now) for number in range(960)]
    forget_list.change(store.place, lambda requests: functools.reduce(forget_rule.ask, everybody, requests), store.now)
    store.now += RIPENING
    assert store.work() == forget.Forgot(done=4, removed=8, waiting=996, withheld=996)
    store.now += 29 * DAY
    assert store.work().removed == 0
    assert len(units(snapshot)) == 72


def test_homes_made_up_a_night_before_make_the_tenth_no_larger(store):
    store.snapshot(*((f"pupil{number}", 20000 + number) for number in range(20)))
    store.now += 20 * DAY
    store.snapshot(*((f"pupil{number}", 20000 + number) for number in range(200)), day=20)
    assert forget.accounts(store.place, store.now) == 20


def test_taken_back_or_refused_it_is_never_done(store):
    snapshot = store.snapshot(FRED, ERIKA)
    store.ask(*FRED)
    assert store.ask(*FRED, undo=True) == {"taken_back": True}
    name = store.ask(*ERIKA)["id"]
    forget_list.change(store.place, lambda requests: forget_rule.refuse(requests, name), store.now)
    store.now += 2 * RIPENING
    assert store.work() == forget.Forgot()
    assert len(units(snapshot)) == 4


def test_confirmed_it_is_done_at_once(store):
    snapshot = store.snapshot(FRED)
    told = store.ask(*FRED, consent_withdrawn=True)
    assert (told["consent"], told["confirmed"]) == (True, False)
    assert store.work().done == 0
    forget_list.change(store.place, lambda requests: forget_rule.confirm(requests, told["id"], store.now), store.now)
    assert store.work().done == 1
    assert units(snapshot) == []


def test_a_login_alone_is_enough_where_one_person_had_it(store):
    store.snapshot(FRED)
    assert store.ask(FRED[0], None)["id"] == store.ask(*FRED)["id"]
    with pytest.raises(Refused, match="no snapshot"):
        store.ask("erika.lehmann", None)
    store.snapshot(("fred.mustermann", 19000), day=1)
    with pytest.raises(Refused, match="19000, 20001"):
        store.ask(FRED[0], None)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[]",
        b"{",
        b'{"login": "../erika", "uid": 1}',
        b'{"login": "a/b", "uid": 1}',
        b'{"login": ".", "uid": 1}',
        b'{"login": "fred", "uid": 0}',
        b'{"login": "fred", "uid": true}',
        b'{"login": "fred", "uid": 1, "undo": 1}',
        b'{"login": "fred", "uid": 1, "confirmed": true}',
        b"[" * 100_000,
        b'{"login": "' + b"a" * 5000 + b'", "uid": 1}',
    ],
)
def test_anything_else_is_refused(store, said):
    with pytest.raises(Refused):
        forget.asked(store.place, said, NOW)
    assert forget_list.read(store.place) == ()


def test_the_school_may_list_what_waits_whatever_the_committers_umask_is(store):
    before = os.umask(0o077)
    try:
        store.ask("fred", 20001)
    finally:
        os.umask(before)
    assert stat.S_IMODE((store.place / "forget").stat().st_mode) == 0o750
