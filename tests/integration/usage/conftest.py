"""The school of the supervisor's tests, and one who writes into its ledger."""

import os

import pytest

from appliance.usage.delta import Delta
from tests.integration.supervisor.conftest import school

__all__ = ["school", "writer"]


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
