"""A school whose supervisor, directory, auth, audit and privileged really run, under the real launcher."""

import contextlib

import pytest

from appliance.auth.client import Answer
from tests.integration.support_place import placed
from tests.integration.support_school import ACCOUNTS, QUICK, School, running


@pytest.fixture
def make_school():
    """Make schools in which nothing runs yet; they are closed with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *units: stack.enter_context(placed(School, QUICK, units))


@pytest.fixture(scope="module")
def school():
    """One running school for a module's tests, with its people imported."""
    with running(units=ACCOUNTS) as made:
        made.imported, made.passwords = made.take_in()
        made.when(lambda: made.sign_in("anna.lehmann", made.passwords["anna.lehmann"]).answer is Answer.MUST_CHANGE)
        yield made
