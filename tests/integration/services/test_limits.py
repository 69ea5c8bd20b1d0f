"""One limit for every service and both directions (K12): a table of cases, each run through all of them.

A row says who comes, from where, after what was agreed with the carer, and how large a file may be. The file that just
passes must pass, and one byte more must be refused, with the service's own words, and leave nothing. How much more a
protocol needs than the file has (base64, TLS in a tunnel) is the driver's knowledge: ``Driver.edge``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from appliance.policy.account import Service
from tests.integration.demo.waiting import eventually
from tests.integration.services.conftest import DRIVERS, Visit
from tests.integration.services.driver import Direction, Driver, Outcome, code_in, said
from tests.integration.services.drivers_mail import Imap
from tests.integration.services.people import (
    EXEMPT_CLASS_PUPIL,
    EXEMPT_STAFF,
    EXEMPTIONS,
    EXPIRED_PUPIL,
    GROUP_PUPIL,
    IN_ROOM,
    KB,
    MB,
    OFFICE,
    OWN,
    ROOM,
    SINGLE_PUPIL,
    STAFF,
    TEACHER,
)
from tests.integration.support_school import School, soon

HERE = "127.0.0.1"
AGREED = tuple(target for target, _size, _seconds in EXEMPTIONS)
EVERY_WAY = [(kind, direction) for kind in DRIVERS for direction in kind.recorded]
"""Each service and the directions that it has: by SMTP nothing is fetched."""


@dataclass(frozen=True)
class Row:
    """Largest file of ``who`` in bytes, up and down, coming from ``address``; by service if ``services`` says so.

    ``passes`` are sizes that must pass too. ``beyond``: whether it is tried that more does not.
    """

    why: str
    who: str
    up: int
    down: int
    address: str = HERE
    services: Mapping[Service, int] | None = None
    passes: tuple[int, ...] = ()
    beyond: bool = True

    def limit(self, service: Service, direction: Direction) -> int:
        if self.services is not None:
            return self.services[service]
        return self.up if direction is Direction.UP else self.down


TABLE = (
    Row("default", STAFF, 20 * MB, 20 * MB, passes=(19 * MB,)),
    Row("role, an exemption having ended", EXPIRED_PUPIL, 2 * MB, 2 * MB),
    Row("other role", TEACHER, 2500 * KB, 3 * MB),
    Row("group before role", GROUP_PUPIL, 2200 * KB, 1 * MB),
    Row("account before role", SINGLE_PUPIL, 1 * MB, 2400 * KB),
    Row("service", OFFICE, 0, 0, services={Service.MAIL: MB, Service.FILES: 1200 * KB, Service.WEB: 1400 * KB}),
    Row("room raises", IN_ROOM, 3 * MB, 3 * MB, address=ROOM),
    Row("outside of it", IN_ROOM, 2 * MB, 2 * MB),
    Row("exemption", EXEMPT_STAFF, 25 * MB, 25 * MB, beyond=False),
    Row("exemption of a group", EXEMPT_CLASS_PUPIL, 2700 * KB, 2700 * KB),
)


@pytest.fixture(scope="session")
def one_has_ended(school: School) -> None:
    """Of the exemptions, the short one is over; who granted them is recorded."""

    def standing() -> set[str]:
        return {one["login"] or one["group"] for one in school.call("limits.show")["exemptions"]}

    def recorded() -> set[str]:
        return {event.get("login") or event["group"] for event in school.events(kind="limit-allowed")}

    eventually(lambda: recorded() >= set(AGREED), what="the last of them is recorded in a moment")
    eventually(lambda: standing() == {target for target in AGREED if target != EXPIRED_PUPIL}, what="one has ended")
    assert all(event["by"] for event in school.events(kind="limit-allowed"))


def ways() -> list:
    return [pytest.param(kind, direction, id=f"{kind.name}-{direction}") for kind, direction in EVERY_WAY]


@pytest.mark.usefixtures("one_has_ended")
@pytest.mark.parametrize(("kind", "direction"), ways())
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.why)
def test_the_limit(row: Row, kind: type[Driver], direction: Direction, school: School, visit: Visit) -> None:
    client = visit(kind, row.who, address=row.address)
    limit = row.limit(kind.service, direction)
    edge = client.edge(limit, direction)
    for size in (*row.passes, limit if edge is None else edge):
        said(client, client.move(direction, size), Outcome.PASSED)
    if not row.beyond:
        return
    before, received = school.kept(row.who), len(school.received)
    if edge is None:
        said(client, client.move(direction, limit + limit // 4), Outcome.PASSED)
    else:
        said(client, client.move(direction, edge + 1), Outcome.TOO_LARGE)
    assert school.kept(row.who) == before
    assert len(school.received) == received
    assert client.open(), "a refusal ends no session"


def test_an_exemption_counts_for_who_is_there_already(school: School, kind: type[Driver], visit: Visit) -> None:
    """Granted while he waits, and taken back; Dovecot learns of it with the next sign-in."""
    login = OWN[kind.name]
    client = visit(kind, login)
    over = client.edge(2 * MB, Direction.UP) + 1
    refusal = said(client, client.move(Direction.UP, over), Outcome.TOO_LARGE)
    if code_in(refusal):
        why = school.why(code_in(refusal))
        assert (why["service"], why["reason"]) == (kind.service, "too-large")
        assert login not in str(why)
    school.call("limits.allow", target=login, size="3 MB", until=soon(3600), reason="agreed with the head")
    try:
        client = visit(kind, login) if issubclass(kind, Imap) else client
        said(client, client.move(Direction.UP, over), Outcome.PASSED)
    finally:
        school.call("limits.revoke", target=login)
    client = visit(kind, login) if issubclass(kind, Imap) else client
    said(client, client.move(Direction.UP, over), Outcome.TOO_LARGE)
