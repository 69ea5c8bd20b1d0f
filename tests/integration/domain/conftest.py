"""One running domain for all tests that leave it usable for the next, with a few people in it."""

import shutil
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ldap3
import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Directory, connect
from appliance.policy.account import GroupKind, Role
from tests.integration.support_domain import RunningDomain, start_domain

BASE = "dc=schule,dc=example"


@dataclass
class School:
    """A domain with somebody in it: fred.muster is a pupil of class3a, anna.lehrer a teacher; ``log`` what Samba said.

    Passwords are changed by the tests: each sets what it needs with :meth:`give`.
    """

    domain: RunningDomain
    supervisor: Directory
    auth: Directory
    log: Path

    def give(self, login: str, password: str, must_change: bool = False) -> None:
        self.auth.set_password(login, Secret(password), must_change)

    def bind(self, name: str, password: str) -> ldap3.Connection:
        """Sign in by LDAP, as whoever speaks it himself does."""
        tls = ldap3.Tls(ca_certs_file=str(self.domain.settings.folder / "ca.pem"), validate=ssl.CERT_REQUIRED)
        server = ldap3.Server("localhost", self.domain.network.port, use_ssl=True, get_info=ldap3.NONE, tls=tls)
        return ldap3.Connection(
            server, name, password, auto_bind=True, check_names=False, return_empty_attributes=False
        )

    def service(self, name: str) -> ldap3.Connection:
        return self.bind(f"cn={name},ou=services,{BASE}", self.domain.place.passwords[name].read_text())


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="package")
def school() -> Iterator[School]:
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    log = folder / "log"
    try:
        with log.open("wb") as output, start_domain(folder, output) as domain:
            school = School(domain, connect(domain.settings, "supervisor"), connect(domain.settings, "auth"), log)
            people = (("fred.muster", "Fred", Role.PUPIL), ("anna.lehrer", "Anna", Role.TEACHER))
            for number, (login, given, role) in enumerate(people):
                surname = login.partition(".")[2].title()
                school.supervisor.create_account(
                    login=login, uid=20000 + number, given_name=given, surname=surname, role=role
                )
            school.supervisor.create_group(name="class3a", kind=GroupKind.CLASS, gid=20010, title="Klasse 3a")
            school.supervisor.add_members("class3a", ["fred.muster"])
            yield school
            school.supervisor.close()
            school.auth.close()
    finally:
        shutil.rmtree(folder)
