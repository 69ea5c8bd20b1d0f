"""One school for all tests of mail: its parts take a few seconds to start."""

import imaplib
import smtplib
from collections.abc import Iterator

import pytest

from tests.integration import support_school as supervised
from tests.integration.alerts.smarthost import Smarthost, smarthost
from tests.integration.mail.clients import connect, connect_imap
from tests.integration.mail.relay_school import RelaySchool, start_relay_school
from tests.integration.mail.school import School, start_school
from tests.integration.mail.whole_school import start_whole_school
from tests.integration.support_parts import PASSWORD, short_folder


@pytest.fixture(scope="session")
def running_school() -> Iterator[School]:
    with start_school() as school:
        yield school
        log = school.log.read_text()
    assert "unexpected" not in log and "callback or task" not in log, "whatever a client did, it was foreseen"


@pytest.fixture
def school(running_school: School) -> Iterator[School]:
    """The school; whatever a test changed about its accounts is published as it was."""
    with running_school.as_before(lambda: _everybody_gets_in(running_school)):
        yield running_school


@pytest.fixture(scope="session")
def relay_school() -> Iterator[RelaySchool]:
    """A school with groups, devices and mail to the outside."""
    with start_relay_school() as school:
        yield school
        log = school.log.read_text()
    assert "unexpected" not in log and "callback or task" not in log, "whatever a client did, it was foreseen"


@pytest.fixture(scope="session")
def host() -> Iterator[Smarthost]:
    """A mail server outside."""
    with short_folder() as (folder, stack):
        yield stack.enter_context(smarthost(folder))


@pytest.fixture(scope="session")
def whole_school(host: Smarthost) -> Iterator[supervised.School]:
    """A school with its supervisor, whose mail to the outside ``host`` takes."""
    with start_whole_school(host) as school:
        yield school


@pytest.fixture
def client(school: School) -> Iterator[smtplib.SMTP]:
    """A mail program of Fred's, signed in."""
    with connect(school) as client:
        client.login("fred.mustermann", PASSWORD)
        yield client


@pytest.fixture
def frida(school: School) -> Iterator[imaplib.IMAP4]:
    """A mail program of Frida's that reads, signed in."""
    client = connect_imap(school)
    client.login("frida.lehrer", PASSWORD)
    yield client
    client.shutdown()


def _everybody_gets_in(school: School) -> bool:
    try:
        for login in ("fred.mustermann", "gina.musterfrau"):
            with connect(school) as client:
                client.login(login, PASSWORD)
    except smtplib.SMTPAuthenticationError:
        return False
    return True
