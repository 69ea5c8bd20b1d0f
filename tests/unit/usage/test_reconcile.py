"""A count is taken only from accounts to which nothing was written meanwhile."""

import pytest

from appliance.usage.ledger import Entry
from appliance.usage.reconcile import reconcile
from appliance.usage.scan import Found

FRED, ANNA = 20_001, 20_002
ACCOUNTS = {"fred": FRED, "anna": ANNA}


class World:
    """A disk and a ledger; ``busy`` accounts are written to during so many counts."""

    def __init__(self, busy=None, base=None):
        self.busy = dict(busy or {})
        self.base = base
        self.deltas = {FRED: [0, 0], ANNA: [0, 0]}
        self.mail = {"fred": 10, "anna": 20}
        self.files = {FRED: 100, ANNA: 200}
        self.homes = {"anna": 5}
        self.scans = []

    def added(self, uid):
        return tuple(self.deltas[uid])

    def counted(self, uid):
        return None if self.base is None else self.base.get(uid, Entry(0, 0))

    def scan(self, logins):
        self.scans.append(sorted(logins))
        found = Found(dict(self.mail), dict(self.files), dict(self.homes))
        for uid, times in self.busy.items():
            if times:
                self.files[uid] += 1_000
                self.deltas[uid][1] += 1_000
                self.busy[uid] -= 1
        return found

    def counting(self):
        return reconcile(ACCOUNTS, self, self.scan, lambda _seconds: None)

    def sums(self, entries):
        return {
            uid: (
                entry.mail + self.deltas[uid][0] - entry.mail_mark,
                entry.files + self.deltas[uid][1] - entry.files_mark,
            )
            for uid, entry in entries.items()
        }

    @property
    def truth(self):
        return {FRED: (10, self.files[FRED]), ANNA: (20, self.files[ANNA] + 5)}


def test_a_quiet_disk_is_counted_once():
    world = World()
    world.deltas[FRED] = [3, 4]
    counted = world.counting()
    assert counted.entries == {FRED: Entry(10, 100, 3, 4), ANNA: Entry(20, 205, 0, 0)}
    assert (counted.corrected, counted.unsettled) == (2, 0)
    assert world.scans == [["anna", "fred"]]


def test_whom_something_was_written_for_is_counted_again():
    world = World(busy={FRED: 2})
    counted = world.counting()
    assert world.scans == [["anna", "fred"], ["fred"], ["fred"]]
    assert world.sums(counted.entries) == world.truth
    assert counted.unsettled == 0


@pytest.mark.parametrize(("base", "files"), [({FRED: Entry(1, 2, 0, 0)}, 3_002), (None, 2_100)])
def test_who_writes_all_the_time_stays_as_he_is_in_the_ledger(base, files):
    world = World(busy={FRED: 99}, base=base)
    counted = world.counting()
    assert counted.unsettled == 1
    assert world.sums(counted.entries)[ANNA] == world.truth[ANNA]
    assert world.sums(counted.entries)[FRED][1] == files


def test_what_was_right_is_not_called_corrected():
    world = World(base={FRED: Entry(10, 100), ANNA: Entry(20, 205)})
    assert world.counting().corrected == 0
    world.files[FRED] -= 50  # somebody removed it past our services
    assert world.counting().corrected == 1
