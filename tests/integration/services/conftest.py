"""One running school for all tests of this folder, and clients that are closed with the test."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.integration.services.driver import Driver, Outcome, said
from tests.integration.services.drivers_files import Ftp
from tests.integration.services.drivers_mail import Imap, Imaps, Smtp, Submission, Submissions
from tests.integration.services.drivers_web import Tunnel, Web, far_names
from tests.integration.services.people import EXEMPTIONS, ROSTER, SETTINGS
from tests.integration.services.site import outside
from tests.integration.support_school import School, running, soon

DRIVERS: tuple[type[Driver], ...] = (Submission, Submissions, Smtp, Imap, Imaps, Ftp, Web, Tunnel)
"""Every service that somebody signs in to. A new one is a driver here; no case is written anew for it."""


@pytest.fixture(scope="session")
def school() -> Iterator[School]:
    with outside() as (site, far, received):
        proxy = {"exceptions": [f"127.0.0.1:{site}", *far_names(far)]}
        with running({**SETTINGS, "proxy": proxy}) as made:
            made.received = received
            made.bring_in(ROSTER)
            for target, size, seconds in EXEMPTIONS:
                made.call("limits.allow", target=target, size=size, until=soon(seconds), reason="agreed with the head")
            yield made


@pytest.fixture(params=DRIVERS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[Driver]:
    """Each service in turn."""
    return request.param


Visit = Callable[..., Driver]


@pytest.fixture
def visit(school: School) -> Iterator[Visit]:
    """Signs in and holds the answer against the table: ``visit(kind, login)``; gives the client."""
    with contextlib.ExitStack() as stack:

        def come(
            kind: type[Driver],
            login: str,
            outcome: Outcome = Outcome.SIGNED_IN,
            password: str | None = None,
            address: str = "127.0.0.1",
        ) -> Driver:
            client = kind(school, address)
            stack.callback(client.close)
            client.greeting = said(client, client.sign_in(login, password or school.passwords[login]), outcome)
            return client

        yield come
