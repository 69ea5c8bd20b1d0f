"""One school for all tests of the proxy: its parts take some seconds to start."""

from collections.abc import Iterator

import pytest

from tests.integration.proxy.school import School, answer, sign, start_school


@pytest.fixture(scope="session")
def running_school() -> Iterator[School]:
    with start_school() as school:
        yield school


@pytest.fixture
def school(running_school: School) -> Iterator[School]:
    """The school; whatever a test changed about its accounts is published as it was."""
    with running_school.as_before(lambda: _open(running_school)):
        yield running_school


def _open(school: School) -> bool:
    with school.connect() as client:
        client.sendall(f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n{sign()}\r\n".encode())
        return answer(client)[0] == 200
