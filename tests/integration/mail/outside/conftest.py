"""One mail server outside for all tests here, and schools of their own."""

from collections.abc import Iterator

import pytest

from tests.integration.mail.outside.postfix import Postfix, running_postfix, there


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    if not there():
        pytest.skip("a Postfix of one's own needs root")
    with running_postfix() as host:
        yield host
