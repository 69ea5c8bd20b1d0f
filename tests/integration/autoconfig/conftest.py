import pytest

from tests.integration.autoconfig.school import a_school


@pytest.fixture(scope="module")
def school():
    with a_school() as made:
        made.daemon.start()
        yield made
