"""One school with a domain for all tests of tickets; only root can have one."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.kerberos.clients import connect_smtp, curl
from tests.integration.kerberos.school import FRED, PASSWORD, PEOPLE, REALM, TicketSchool, person_as, start_school
from tests.integration.support_domain import possible

_FRED = f"{FRED}:{PASSWORD}"
_FRED_PLAIN = f"\0{FRED}\0{PASSWORD}".encode()
_CLIENT = f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A school here has a domain."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "school" in getattr(item, "fixturenames", ()):
            item.add_marker(possible)


@pytest.fixture(scope="package")
def client_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """How clients outside the domain's network are set up: they reach no KDC, and trust no DNS."""
    config = tmp_path_factory.mktemp("kerberos") / "krb5.conf"
    config.write_text(_CLIENT)
    return config


@pytest.fixture(autouse=True)
def client(client_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test alone is such a client: fixtures of a package may live as long as the session."""
    monkeypatch.setenv("KRB5_CONFIG", str(client_config))


@pytest.fixture(scope="package")
def running_school(client_config: Path) -> Iterator[TicketSchool]:
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("KRB5_CONFIG", str(client_config))
            school = stack.enter_context(start_school())
        yield school


@pytest.fixture
def school(running_school: TicketSchool) -> Iterator[TicketSchool]:
    """The school; what a test published is as it was."""
    before = running_school.published
    yield running_school
    if running_school.published != before:
        running_school.publish(**{key: {"disabled": True} for login in PEOPLE for key in person_as(login)})
        eventually(lambda: not _gets_in(running_school))
        running_school.publish()
        eventually(lambda: _gets_in(running_school))


def _gets_in(school: TicketSchool) -> bool:
    """Whether Fred gets in by his password; mail, proxy and auth look at snapshots of their own."""
    address = f"http://127.0.0.1:{school.site}/"
    told = curl(
        school, None, "--proxy", f"http://127.0.0.1:{school.address('proxy')[1]}", "--proxy-user", _FRED, address
    )
    with connect_smtp(school) as client:
        code, _ = client.docmd("AUTH", f"PLAIN {base64.b64encode(_FRED_PLAIN).decode()}")
    return code == 235 and "Musterseite" in told.stdout
