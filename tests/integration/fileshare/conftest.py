"""One school for all tests of files: its parts take a few seconds to start."""

import ftplib
import shutil
from collections.abc import Iterator

import pytest

from tests.integration.fileshare.school import FRED, FRIDA, School, start_school
from tests.integration.support_parts import LIMIT


@pytest.fixture(scope="session")
def running_school() -> Iterator[School]:
    with start_school() as school:
        yield school


@pytest.fixture
def school(running_school: School) -> Iterator[School]:
    """The school; whatever a test changed about its accounts is published as it was, and its files are removed."""
    with running_school.as_before(lambda: _gets_in(running_school, FRED) and _gets_in(running_school, FRIDA)):
        yield running_school
    for share in ("homes", "groups"):
        for path in (running_school.data / share).glob("*/*"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _gets_in(school: School, login: str) -> bool:
    try:
        with school.ftp(login) as client:
            client.sendcmd(f"ALLO {LIMIT}")
            return True
    except ftplib.Error:
        return False
