"""The service is killed, or the power goes, while mail comes in: what was acknowledged is there, once or twice, whole.

The moments are random, from a seed that a failure names. Twice is a mail whose sender was not told before the end and
sent it again; both have the same Message-ID. Each file's mark proves that not a byte of it is missing.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from appliance.mail.draft import Draft
from appliance.mail.store import Parcel, Store
from tests.integration.mail.school import School
from tests.integration.mail.senders import DevicesOnly, Sending, kept, sending
from tests.integration.support_disk import Disk, disk
from tests.integration.support_parts import short_folder
from tests.integration.support_place import AS_ROOT

pytestmark = pytest.mark.skipif(not AS_ROOT, reason="only root can mount")
SEED = os.environ.get("SCHOOL_SEED", "20261121")
_MOMENTS, _MANY = 20, 200
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


def moments(beginning: int, end: int) -> list[object]:
    """Numbers of moments; those beyond the first few are for `make soak`."""
    return [pytest.param(one, marks=pytest.mark.soak if one >= _MOMENTS else ()) for one in range(beginning, end)]


@pytest.mark.parametrize("moment", moments(0, _MANY))
def test_what_was_acknowledged_survives_kill_9(place: Place, moment: int) -> None:
    chance = random.Random(f"kill {SEED} {moment}")
    with sending(place.school, chance) as load:
        load.after(chance.randint(1, _LONGEST))
        _kill(place.school)
        place.school.mail.start()  # the sockets are there all the time, and who connected waits
    _kept(place, load)


@pytest.mark.parametrize("moment", moments(0, _MANY))
def test_what_was_acknowledged_survives_a_power_cut(place: Place, moment: int) -> None:
    chance = random.Random(f"cut {SEED} {moment}")
    with sending(place.school, chance) as load:
        load.after(chance.randint(1, _LONGEST))
        place.disk.cut()
        load.end()
    _kill(place.school)
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
    _kill(place.school)
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


def _kill(school: School) -> None:
    """End the service and each worker of it at once, and wait until none is left."""
    assert school.mail.process is not None
    os.kill(school.mail.process.pid, signal.SIGSTOP)  # it begins no more workers
    os.waitid(os.P_PID, school.mail.process.pid, os.WSTOPPED | os.WNOWAIT)
    with contextlib.ExitStack() as stack:
        workers = []
        for worker in school.mail.children():
            with contextlib.suppress(ProcessLookupError):
                workers.append(os.pidfd_open(worker))
                stack.callback(os.close, workers[-1])
        for each in workers:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(each, signal.SIGKILL)
        school.mail.stop(signal.SIGKILL)
        for each in workers:
            assert select.select([each], [], [], 30)[0], "a worker that does not end"
