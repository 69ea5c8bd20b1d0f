"""The service is killed, or the power goes, while mail comes in: what was acknowledged is there, once or twice, whole.

The moments are random, from a seed that a failure names. Twice is a mail whose sender was not told before the end and
sent it again; both have the same Message-ID. Each file's mark proves that not a byte of it is missing.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from appliance.mail.draft import Draft
from appliance.mail.store import Parcel, Store
from tests.integration.mail.school import School
from tests.integration.mail.senders import DevicesOnly, Sending, kept, sending
from tests.integration.support_crash import SEED, moments
from tests.integration.support_disk import Disk, disk
from tests.integration.support_parts import short_folder
from tests.integration.support_place import AS_ROOT

pytestmark = pytest.mark.skipif(not AS_ROOT, reason="only root can mount")
_LONGEST = 120  # steps of senders before the moment


@dataclass(frozen=True, slots=True)
class Place:
    """A school and the disk on which its mail is; how many mails each moment found acknowledged before it."""

    school: School
    disk: Disk
    acknowledged: list[int] = field(default_factory=list)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with short_folder() as (folder, stack):
        (folder / "srv").mkdir()
        own = stack.enter_context(disk(folder / "srv"))
        school = DevicesOnly(folder, stack)
        own.sync()
        yield Place(school, own)


@pytest.mark.parametrize("moment", moments())
def test_what_was_acknowledged_survives_kill_9(place: Place, moment: int) -> None:
    chance = random.Random(f"kill {SEED} {moment}")
    with sending(place.school, chance) as load:
        load.after(chance.randint(1, _LONGEST))
        place.school.mail.kill()
        place.school.mail.start()  # the sockets are there all the time, and who connected waits
    _kept(place, load)


@pytest.mark.parametrize("moment", moments())
def test_what_was_acknowledged_survives_a_power_cut(place: Place, moment: int) -> None:
    chance = random.Random(f"cut {SEED} {moment}")
    with sending(place.school, chance) as load:
        load.after(chance.randint(1, _LONGEST))
        place.disk.cut()
        load.end()
    place.school.mail.kill()
    place.disk.power_on()
    place.school.mail.start()
    _kept(place, load)


def test_at_these_moments_something_had_been_acknowledged(place: Place) -> None:
    """Else the tests above have shown nothing."""
    if not place.acknowledged:
        pytest.skip("no moment was chosen")
    assert sum(place.acknowledged) > 0


def test_a_batch_is_two_commits_of_the_file_system(place: Place) -> None:
    """However many messages it has, and wherever they go."""
    place.school.mail.kill()
    store = Store(place.disk.root / "mail", "host")
    logins = [f"box{number}" for number in range(20)]
    store.place_all([[Parcel(_draft(store), (login,))] for login in logins])
    taken = []
    for _ in range(9):
        before = place.disk.commits()
        assert store.place_all([[Parcel(_draft(store), (login, "box0"))] for login in logins[1:]]) == [None] * 19
        taken.append(place.disk.commits() - before)
    assert statistics.median(taken) <= 2, taken
    place.school.mail.start()


def _kept(place: Place, load: Sending) -> None:
    place.acknowledged.append(sum(fate.acknowledged for fate in load.fates.values()))
    load.again()
    kept(load, SEED)
    place.disk.sync()  # of deletions nobody says that they are on stable storage


def _draft(store: Store) -> Draft:
    draft = store.draft()
    draft.add(b"x\r\n" * 10_000)
    return draft
