"""A backup server and a school of its own for each test."""

import os

import pytest

from tests.integration.backup_server import support_store


@pytest.fixture(autouse=True)
def mask():
    """What runs as a program in real life may set its own here."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def server():
    with support_store.server() as found:
        yield found


@pytest.fixture
def school(server):
    return server.school()


@pytest.fixture
def home(school):
    """Fred's home, with a little of everything."""
    found = school.data / "homes" / "fred.mustermann"
    support_store.furnish(found)
    return found
