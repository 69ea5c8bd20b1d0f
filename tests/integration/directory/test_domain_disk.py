"""A domain whose disk fills up: what cannot be written is refused for the moment, and no right password is wrong."""

import contextlib
import os
import subprocess

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, DirectoryUnavailable
from tests.integration.directory.conftest import opened
from tests.integration.support_domain import possible, start_domain

GOOD = Secret("Schöner-Tag-7")


@pytest.fixture
def disk(short):
    """A disk of 128 MiB below ``short``, where the domain lives on its state."""
    folder = short / "state"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=128m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def fill(path):
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@possible
def test_a_disk_that_fills_up(short, disk):
    with start_domain(short) as domain:
        school = opened(domain)
        school.account("da.schon")
        school.auth.set_password("da.schon", GOOD, must_change=False)
        fill(disk / "full")
        with pytest.raises(DirectoryUnavailable, match="no room on its disk"):
            for number in range(2000):
                school.account(f"kind.nr{number}", display_name="K" * 250)
        there = len(school.supervisor.read().accounts)
        try:
            answered = school.auth.check("da.schon", GOOD)
        except DirectoryUnavailable:
            answered = Checked.GOOD
        assert answered is Checked.GOOD, "try later, or good: but never wrong"
        os.unlink(disk / "full")
        school.account("wieder.platz")
        assert len(school.supervisor.read().accounts) == there + 1
        assert school.auth.check("da.schon", GOOD) is Checked.GOOD
        school.close()
