"""What is large: a file of ten gigabytes with holes, and as many small files as a school has."""

import os
import random

import pytest

from appliance.backup.restore import restore
from appliance.backup.wanted import Wanted
from tests.integration.backup.conftest import LONG_AGO, UID

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

_GIGABYTES = 10 * 1024**3
_HOMES, _EACH = 200, 1000
LOGIN = "fred.mustermann"


def test_ten_gigabytes_of_holes_stay_holes_there_and_back(school):
    path = school.put(school.home() / "Film", b"")
    places = (0, _GIGABYTES // 2, _GIGABYTES - 6)
    with path.open("r+b") as file:
        file.truncate(_GIGABYTES)
        for place in places:
            file.seek(place)
            file.write(b"middle")
    os.utime(path, (LONG_AGO, LONG_AGO))
    snapshot = school.copy()
    came = restore(school.settings, Wanted("homes", LOGIN, UID, ("Film",)))
    for found in (snapshot / "homes" / LOGIN / "Film", path.parent / came["folder"] / "Film"):
        assert found.stat().st_size == _GIGABYTES
        assert found.stat().st_blocks * 512 < 10_000_000
        with found.open("rb") as file:
            for place in places:
                file.seek(place)
                assert file.read(6) == b"middle"


def test_two_hundred_thousand_files_and_the_hundredth_changed(school):
    chance = random.Random(20261122)
    files = []
    for home in (school.home(f"kind.nr{number}", UID + number) for number in range(_HOMES)):
        for number in range(_EACH):
            path = home / f"Blatt {number}"
            path.write_bytes(b"%d" % number)
            school.own(path, home.stat().st_uid)
            files.append(path)
    first = school.copy()
    for path in chance.sample(files, len(files) // 100):
        path.write_bytes(chance.randbytes(100))
    second = school.copy()
    for snapshot in (first, second):
        assert sum(map(len, school.check(snapshot.name).values())) == _HOMES * (_EACH + 1)
    same = sum(
        (first / "homes" / path.relative_to(school.data / "homes")).stat().st_ino
        == (second / "homes" / path.relative_to(school.data / "homes")).stat().st_ino
        for path in files
    )
    assert same == len(files) - len(files) // 100
