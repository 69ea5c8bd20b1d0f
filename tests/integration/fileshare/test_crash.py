"""The service is killed, or the power goes, while uploads run: what was acknowledged is whole, the rest is not there.

The moments are random, from a seed that a failure names. A file that was sent to its end may be there unacknowledged,
whole: the server can fall between keeping it and saying so.
"""

from __future__ import annotations

import ftplib
import io
import os
import random
import signal
from collections.abc import Iterator

import pytest

from tests.integration.fileshare.school import FILES_YAML, FRED, School
from tests.integration.fileshare.uploads import Uploads, uploading
from tests.integration.support_crash import SEED, Place, moments, on_a_disk, something_was_acknowledged
from tests.integration.support_parts import LIMIT
from tests.integration.support_place import AS_ROOT

pytestmark = pytest.mark.skipif(not AS_ROOT, reason="only root can mount")
_LONGEST = 60  # steps of clients before the moment


@pytest.fixture(scope="module")
def place() -> Iterator[Place[School]]:
    with on_a_disk(lambda folder, stack: School(folder, stack, {"fileshare": FILES_YAML}, LIMIT)) as made:
        yield made


@pytest.mark.parametrize("moment", moments())
def test_what_was_acknowledged_survives_kill_9(place: Place[School], moment: int) -> None:
    chance = random.Random(f"kill {SEED} {moment}")
    with uploading(place.school, "/Home", chance) as uploads:
        uploads.after(chance.randint(1, _LONGEST))
        for worker in place.school.files.children():
            os.kill(worker, signal.SIGKILL)
        uploads.end()
    place.school.files.kill()
    place.school.files.start()
    _kept(place, uploads)


@pytest.mark.parametrize("moment", moments())
def test_what_was_acknowledged_survives_a_power_cut(place: Place[School], moment: int) -> None:
    chance = random.Random(f"cut {SEED} {moment}")
    with uploading(place.school, "/Home", chance) as uploads:
        uploads.after(chance.randint(1, _LONGEST))
        place.disk.cut()
        uploads.end()
    place.school.files.kill()
    place.disk.power_on()
    place.school.files.start()
    _kept(place, uploads)
    place.disk.sync()  # of deletions nobody says that they are on stable storage


def test_at_these_moments_something_had_been_acknowledged(place: Place[School]) -> None:
    something_was_acknowledged(place)


def _kept(place: Place[School], uploads: Uploads) -> None:
    place.acknowledged.append(sum(fate.acknowledged is not None for fate in uploads.fates.values()))
    with place.school.ftp(FRED) as client:
        shown = set(client.nlst("/Home"))
        assert shown <= uploads.fates.keys(), f"seed {SEED}: files that nobody stored"
        for name in uploads.fates:
            found = _fetched(client, f"/Home/{name}") if name in shown else None
            sizes = [None if each is None else len(each) for each in uploads.allowed(name)]
            assert found in uploads.allowed(name), (
                f"seed {SEED}: {name} has {None if found is None else len(found)} bytes; allowed: {sizes}"
            )
        for name in shown:
            client.delete(f"/Home/{name}")


def _fetched(client: ftplib.FTP_TLS, path: str) -> bytes:
    came = io.BytesIO()
    client.retrbinary(f"RETR {path}", came.write)
    return came.getvalue()
