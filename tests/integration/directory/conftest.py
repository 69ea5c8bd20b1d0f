"""What every kind of directory must offer to be tested: clients that see it as our services do, and ways to hurt it."""

import contextlib
import itertools
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from appliance.directory.client import Directory, connect
from appliance.policy.account import GroupKind, Role
from tests.integration.support_domain import RunningDomain, possible, start_domain
from tests.integration.support_slapd import Slapd, start_slapd


class Server(Protocol):
    """A directory server that can be taken away and brought back."""

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


@dataclass
class School:
    """A directory, as the supervisor and as auth see it; ``server`` is the thing itself.

    ``keeps_log_on``: log-on at PCs can be closed in it.
    """

    supervisor: Directory
    auth: Directory
    server: Server
    keeps_log_on: bool
    numbers: itertools.count = field(default_factory=lambda: itertools.count(20000))

    def account(self, login: str, role: Role = Role.PUPIL, **more) -> str:
        given, _, surname = login.partition(".")
        names = {"given_name": given.title(), "surname": surname.title()} | more
        self.supervisor.create_account(login=login, uid=next(self.numbers), role=role, **names)
        return login

    def group(self, name: str, kind: GroupKind = GroupKind.CLASS, title: str = "") -> str:
        self.supervisor.create_group(name=name, kind=kind, gid=next(self.numbers), title=title)
        return name

    def close(self) -> None:
        self.supervisor.close()
        self.auth.close()


def opened(server: Slapd | RunningDomain) -> School:
    return School(
        connect(server.settings, "supervisor"),
        connect(server.settings, "auth"),
        server,
        isinstance(server, RunningDomain),
    )


def start_hasty_domain(folder: Path) -> contextlib.AbstractContextManager[RunningDomain]:
    """Start a domain of which nobody waits long for an answer, as with slapd here."""
    return start_domain(folder, directory="kind: domain\nuri: ldaps://127.0.0.1:{port}\ntimeout: 2 s\n")


KINDS = [pytest.param(start_slapd, id="slapd"), pytest.param(start_hasty_domain, id="domain", marks=possible)]
"""What must pass every test of this package that is about any directory."""


@pytest.fixture
def short():
    """A folder whose path is short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="package", params=KINDS)
def shared(request):
    """One directory for all tests that leave it usable for the next: each takes logins and groups of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with request.param(folder) as server:
            school = opened(server)
            yield school
            school.close()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="package")
def lasting():
    """Gives a domain that tests kill and start again one after the other, for a new one is slow to come."""
    with contextlib.ExitStack() as stack:
        started: list[RunningDomain] = []

        def domain() -> RunningDomain:
            if not started:
                folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
                stack.callback(shutil.rmtree, folder)
                started.append(stack.enter_context(start_hasty_domain(folder)))
            elif started[0].process is None:
                started[0].start()
            return started[0]

        yield domain


@pytest.fixture(params=KINDS)
def fragile(request, short, lasting):
    """An empty directory for one test, which may kill it."""
    with request.param(short) if request.param is start_slapd else contextlib.nullcontext(lasting()) as server:
        school = opened(server)
        found = school.supervisor.read()
        for account in found.accounts:
            school.supervisor.remove_account(account.login)
        for group in found.groups:
            school.supervisor.remove_group(group.name)
        yield school
        school.close()
