"""The service is killed, or the power goes, while mail comes in: what was acknowledged is there, once or twice, whole.

The moments are random, from a seed that a failure names. Twice is a mail whose sender was not told before the end and
sent it again; both have the same Message-ID. Each file's mark proves that not a byte of it is missing.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator

import pytest

from appliance.mail.draft import Draft
from appliance.mail.store import Parcel, Store
from tests.integration.mail.senders import DevicesOnly, Sending, kept, sending
from tests.integration.support_crash import SEED, Place, moments, on_a_disk, something_was_acknowledged
from tests.integration.support_place import AS_ROOT

pytestmark = pytest.mark.skipif(not AS_ROOT, reason="only root can mount")
_LONGEST = 120  # steps of senders before the moment


@pytest.fixture(scope="module")
def place() -> Iterator[Place[DevicesOnly]]:
    with on_a_disk(DevicesOnly) as made:
        yield made


@pytest.mark.parametrize("moment", moments())
def test_what_was_acknowledged_survives_kill_9(place: Place[DevicesOnly], moment: int) -> None:
    chance = random.Random(f"kill {SEED} {moment}")
    with sending(place.school, chance) as load:
        load.after(chance.randint(1, _LONGEST))
        place.school.mail.kill()
        place.school.mail.start()  # the sockets are there all the time, and who connected waits
    _kept(place, load)


@pytest.mark.parametrize("moment", moments())
def test_what_was_acknowledged_survives_a_power_cut(place: Place[DevicesOnly], moment: int) -> None:
    chance = random.Random(f"cut {SEED} {moment}")
    with sending(place.school, chance) as load:
        load.after(chance.randint(1, _LONGEST))
        place.disk.cut()
        load.end()
    place.school.mail.kill()
    place.disk.power_on()
    place.school.mail.start()
    _kept(place, load)


def test_at_these_moments_something_had_been_acknowledged(place: Place[DevicesOnly]) -> None:
    something_was_acknowledged(place)


def test_a_batch_is_two_commits_of_the_file_system(place: Place[DevicesOnly]) -> None:
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


def _kept(place: Place[DevicesOnly], load: Sending) -> None:
    place.acknowledged.append(sum(fate.acknowledged for fate in load.fates.values()))
    load.again()
    kept(load, SEED)
    place.disk.sync()  # of deletions nobody says that they are on stable storage


def _draft(store: Store) -> Draft:
    draft = store.draft()
    draft.add(b"x\r\n" * 10_000)
    return draft
