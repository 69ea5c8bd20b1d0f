"""One school per test: each hurts it in its own way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.auth.support import School, open_school


@pytest.fixture
def school() -> Iterator[School]:
    with open_school() as there:
        yield there
