"""A school whose supervisor counts for real, with people imported; see the supervisor's tests."""

import os

import pytest

from appliance.auth.client import Answer
from appliance.usage.delta import Delta
from tests.integration.supervisor.conftest import School


@pytest.fixture(scope="module")
def school():
    """One running school for a module's tests."""
    made = School()
    try:
        made.start()
        made.imported, made.passwords = made.bring_in()
        made.when(lambda: made.sign_in("anna.lehmann", made.passwords["anna.lehmann"]).answer is Answer.MUST_CHANGE)
        yield made
    finally:
        made.close()


@pytest.fixture
def writer(school):
    """What a writing service does: makes its delta file; closed with the test."""
    made = []

    def make(place):
        numbers, folder = school.settings.directory, school.folder / "runtime" / "usage"
        if not (folder / place).exists():  # the launcher's part, for a unit that does not run here
            (folder / place).mkdir(mode=0o750)
            os.chown(folder / place, -1, folder.stat().st_gid)
        made.append(Delta(folder, place, numbers.id_first, numbers.id_last))
        return made[-1]

    yield make
    for one in made:
        one.close()
