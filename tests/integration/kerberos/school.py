"""Mail, Dovecot and the proxy of a school with a real domain, for whose names people fetch tickets; the test publishes.

May live here: bringing them together, fetching tickets. May not: a supervisor (``test_school`` has one), a protocol.
Tickets are fetched inside the domain's network and used outside: who has a service's ticket needs no KDC any more.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from appliance.daemon.authority import ensure_authority, issue
from appliance.daemon.identities import Identities
from appliance.daemon.secret import Secret
from appliance.daemon.snapshot_file import write_snapshot
from appliance.demo.origin import origin
from appliance.directory.client import connect
from appliance.policy.account import Account, Role
from appliance.policy.audience import for_audience
from appliance.policy.snapshot import Snapshot, Version, encode
from tests.integration.support_domain import RunningDomain, start_domain
from tests.integration.support_parts import PASSWORD, PROBE, person
from tests.integration.support_place import DOMAIN, ROOT, Place, placed

REALM, SERVER = DOMAIN.upper(), f"server.{DOMAIN}"
FRED, LONG = "fred.mustermann", "maximilian.mustermann-schmidt"
SERVICES = {"mail": "smtp", "imap": "imap", "proxy": "HTTP"}
PEOPLE = {one.login: one for one in (person(FRED, 20000, Role.PUPIL), person(LONG, 20001, Role.PUPIL))}
UNITS = ("audit", "auth", "mail", "imap", "proxy")
_AUDIENCES = {"auth": "auth", "mail": "mail", "web": "proxy"}


class TicketSchool(Place):
    """Made by :func:`start_school`. ``site`` is where the proxy leads."""

    domain: RunningDomain
    site: int

    def __init__(self, folder: Path, settings: Mapping[str, Any], units: Any) -> None:
        super().__init__(folder, settings, units)
        self._snapshot: Snapshot | None = None

    def _certify(self) -> None:
        made, identities = ensure_authority(self.state / "authority", DOMAIN), Identities(self.settings.server)
        for part in SERVICES:
            owner = identities.of(part)
            issue(made, self.state / part / "tls", [SERVER, "127.0.0.1"], (owner.uid, owner.gid))

    # the domain

    def fill(self) -> None:
        """Put the people into the domain, each with a password."""
        there = self.domain.settings
        with (
            contextlib.closing(connect(there, "supervisor")) as directory,
            contextlib.closing(connect(there, "auth")) as passwords,
        ):
            for one in PEOPLE.values():
                given, _, surname = one.login.partition(".")
                directory.create_account(login=one.login, uid=one.uid, role=one.role, given_name=given, surname=surname)
                passwords.set_password(one.login, Secret(PASSWORD), must_change=False)

    def keep_keytabs(self) -> subprocess.CompletedProcess[str]:
        """Run what the privileged helper runs."""
        argv = ["/usr/bin/python3", "-P", "-m", "appliance.directory.domain.keytabs"]
        argv += ["--settings", str(self.settings.folder)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment, cwd="/")
        assert done.returncode == 0, done.stderr
        return done

    def log_on(self, login: str = FRED, *options: str, password: str = PASSWORD, names: Any = None) -> Path:
        """Fetch a ticket to fetch tickets with, and those for ``names``; the cache that has them."""
        cache = self.folder / f"cc-{secrets.token_hex(4)}"
        self.run_inside(["kinit", "-c", str(cache), *options, login], f"{password}\n")
        wanted = names if names is not None else [f"{one}/{SERVER}" for one in SERVICES.values()]
        if wanted:
            self.run_inside(["kvno", "-q", "-c", str(cache), *wanted])
        return cache

    def run_inside(self, argv: list[str], text: str = "") -> None:
        """Run a client that must do what it is for."""
        done = self.domain.inside(argv, text, {"KRB5_CONFIG": "/etc/krb5.conf"})
        assert done.returncode == 0, done.stderr

    # what the supervisor does

    @property
    def published(self) -> int:
        """How often something was published."""
        return 0 if self._snapshot is None else self._snapshot.version.counter

    def publish(self, **changes: Mapping[str, Any]) -> None:
        """Publish the people, with ``changes`` by login (dots and dashes written as ``__`` and ``_``)."""
        people = [replace(one, **changes.get(_word(one.login), {})) for one in PEOPLE.values()]
        counter = 1 if self._snapshot is None else self._snapshot.version.counter + 1
        access = self.settings.access
        self._snapshot = Snapshot(
            version=Version(1, counter),
            audience="supervisor",
            domain=DOMAIN,
            zone=self.settings.school.zone,
            accounts={one.login: one for one in (*people, PROBE)},
            rules=access.rules,
            consents_required=access.consents_required,
            limits=access.limits,
        )
        for audience, part in _AUDIENCES.items():
            path = self.runtime / "snapshots" / f"{audience}.snapshot"
            gid = Identities(self.settings.server).of(part).gid
            write_snapshot(path, encode(for_audience(self._snapshot, audience)), gid)

    def used(self, **wanted: str) -> list[str]:
        """Lines of the record of use that have all of ``wanted``."""
        record = self.state / "audit" / "use.jsonl"
        lines = record.read_text().splitlines() if record.exists() else []
        return [line for line in lines if all(f'"{name}":"{value}"' in line for name, value in wanted.items())]


def entry_of(domain: RunningDomain, where: str, changes: str = "", *controls: str) -> str:
    """Change entries as nobody may (LDIF), and give that at ``where`` (LDIF): what the database itself holds."""
    argv = ["/usr/bin/python3", "-c", _LDIF, str(domain.place.config), where, *controls]
    done = domain.inside(argv, changes)
    assert done.returncode == 0, done.stderr
    return done.stdout


AS_OF_WHEN: Final = "local_oid:1.3.6.1.4.1.7165.4.3.20:0"
"""The control with which pwdLastSet may be written."""

_LDIF: Final = """
import sys, ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm()
lp.load(sys.argv[1])
lp.set("check password script", "")
sam = SamDB(lp.private_path("sam.ldb"), session_info=system_session(), lp=lp)
changes = sys.stdin.read()
if changes:
    sam.modify_ldif(changes, sys.argv[3:])
for found in sam.search(sys.argv[2], ldb.SCOPE_BASE):
    print(sam.write_ldif(found, ldb.CHANGETYPE_NONE))
"""


def person_as(login: str, **changes: Any) -> Mapping[str, Mapping[str, Any]]:
    """What :meth:`TicketSchool.publish` takes for one changed account."""
    return {_word(login): changes}


def now() -> datetime:
    return datetime.now(UTC)


def _word(login: str) -> str:
    return login.replace(".", "__").replace("-", "_")


@contextlib.contextmanager
def start_school() -> Iterator[TicketSchool]:
    """Run all of it until the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder)
        domain = stack.enter_context(start_domain(folder))
        there, site = domain.settings, stack.enter_context(origin(0))
        settings = {
            "directory": {"kind": "domain", "uri": there.directory.uri, "ca": str(there.folder / "ca.pem")},
            "domain": {"host": "server"},
            "proxy": {"exceptions": [f"127.0.0.1:{site}"]},
        }
        school = stack.enter_context(placed(TicketSchool, settings, UNITS))
        school.domain, school.site = domain, site
        _prepare(school, there.server.state)
        school.fill()
        school.keep_keytabs()
        school.publish()
        stack.callback(school.stop)
        school.start()
        yield school


def _prepare(school: TicketSchool, there: Path) -> None:
    """Do what setup and launcher do for parts that do not run here."""
    identities = Identities(school.settings.server)
    (school.state / "domain").symlink_to(there / "domain")
    for part in SERVICES:
        owner = identities.of(part)
        folder = school.state / part
        folder.mkdir(parents=True, exist_ok=True)
        if part != "imap":
            os.chown(folder, owner.uid, owner.gid)
        folder.chmod(0o711 if part == "imap" else 0o700)
    for name in ("snapshots", "usage/base"):
        (school.runtime / name).mkdir(parents=True, exist_ok=True)
        (school.runtime / name).chmod(0o755)
    owner = identities.of("auth")
    password = school.state / "auth" / "directory.password"
    password.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(there / "auth" / "directory.password", password)
    for path in (password.parent, password):
        os.chown(path, owner.uid, owner.gid)


__all__ = ["FRED", "LONG", "PASSWORD", "PEOPLE", "REALM", "SERVER", "SERVICES", "Account", "TicketSchool"]
