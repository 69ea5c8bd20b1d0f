"""One school for all tests of the proxy: its parts take some seconds to start."""

import os
from collections.abc import Iterator

import pytest

from tests.integration.proxy.moving import passes
from tests.integration.proxy.moving_school import Busy, start
from tests.integration.proxy.outside import Outside
from tests.integration.proxy.school import FRED, School, answer, sign, start_school
from tests.integration.support_parts import short_folder


@pytest.fixture(scope="session")
def running_school() -> Iterator[School]:
    with start_school() as school:
        yield school


@pytest.fixture
def school(running_school: School) -> Iterator[School]:
    """The school; whatever a test changed about its accounts is published as it was."""
    with running_school.as_before(lambda: _open(running_school)):
        yield running_school


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """A proxy that may do much, before an internet of its own."""
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    with short_folder() as (folder, stack):
        yield Outside(folder, stack)


@pytest.fixture(scope="session")
def running_busy() -> Iterator[Busy]:
    with start(Busy) as school:
        yield school


@pytest.fixture
def busy(running_busy: Busy) -> Iterator[Busy]:
    """A school in which much is moved; as above."""
    with running_busy.as_before(lambda: passes(running_busy, running_busy.far, FRED, 1)):
        yield running_busy


def _open(school: School) -> bool:
    with school.connect() as client:
        client.sendall(f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n{sign()}\r\n".encode())
        return answer(client)[0] == 200
