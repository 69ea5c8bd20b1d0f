"""One school for all tests of mail: its parts take a few seconds to start."""

import smtplib
from collections.abc import Iterator

import pytest

from tests.integration.mail.school import PASSWORD, School, start_school, wait_for


@pytest.fixture(scope="session")
def running_school() -> Iterator[School]:
    with start_school() as school:
        yield school
        log = school.log.read_text()
    assert "unexpected" not in log and "callback or task" not in log, "whatever a client did, it was foreseen"


@pytest.fixture
def school(running_school: School) -> Iterator[School]:
    """The school; whatever a test changed about its accounts is published as it was."""
    before = running_school.snapshot
    yield running_school
    if running_school.snapshot is not before:
        running_school.publish()
        wait_for(lambda: _everybody_gets_in(running_school))


def _everybody_gets_in(school: School) -> bool:
    try:
        for login in ("fred.mustermann", "gina.musterfrau"):
            with smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=20) as client:
                client.starttls(context=school.context)
                client.login(login, PASSWORD)
    except smtplib.SMTPAuthenticationError:
        return False
    return True
