"""A transfer whose line broke: nobody here hears of that, and the next one does not wait for it."""

import subprocess

import pytest

from tests.integration.backup_server.support_store import School


@pytest.fixture
def broken(school: School, home):
    """A transfer that has begun, and whose other side says nothing any more."""
    school.begin()
    process = school.receiving("rsync --server -lHogDtpAXRSe.LsfxCIvu . incoming/homes/")
    with process:
        assert process.stdout is not None
        assert len(process.stdout.read(4)) == 4, "the version that it speaks"
        assert process.poll() is None
        yield process
        process.kill()


def test_the_next_backup_ends_it(school: School, broken: subprocess.Popen[bytes]) -> None:
    school.copy()
    assert broken.wait() != 0
    assert len(school.check()) == 1


def test_that_of_another_school_goes_on(server, school: School, broken: subprocess.Popen[bytes]) -> None:
    other = server.school("schiller", school.uid)
    other.copy()
    assert broken.poll() is None
