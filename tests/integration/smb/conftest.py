"""A domain with people, its drives and their door; one for all tests of the folder."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.smb.drives import Drives, running_drives


@pytest.fixture(scope="package")
def shared() -> Iterator[Drives]:
    with running_drives() as drives:
        yield drives


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder in which a socket's path fits."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def drives(shared: Drives) -> Iterator[Drives]:
    """The drives as they were at first: nothing in the homes, nobody there, ordinary limits."""
    shared.publish()
    yield shared
    shared.empty()
