"""One school for all tests of the proxy: its parts take some seconds to start."""

from collections.abc import Iterator

import pytest

from tests.integration.mail.school import wait_for
from tests.integration.proxy.school import School, answer, sign, start_school


@pytest.fixture(scope="session")
def running_school() -> Iterator[School]:
    with start_school() as school:
        yield school


@pytest.fixture
def school(running_school: School) -> Iterator[School]:
    """The school; whatever a test changed about its accounts is published as it was."""
    before = running_school.snapshot
    yield running_school
    if running_school.snapshot is not before:
        running_school.publish()
        wait_for(lambda: _open(running_school), 10)


def _open(school: School) -> bool:
    with school.connect() as client:
        client.sendall(f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n{sign()}\r\n".encode())
        return answer(client)[0] == 200
