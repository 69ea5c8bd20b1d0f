"""What every kind of directory must offer to be tested: clients that see it as our services do, and ways to hurt it."""

import itertools
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from appliance.directory.client import Directory, connect
from appliance.policy.account import GroupKind, Role
from tests.integration.support_slapd import Slapd, start_slapd


class Server(Protocol):
    """A directory server that can be taken away and brought back."""

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


@dataclass
class School:
    """A directory, as the supervisor and as auth see it; ``server`` is the thing itself."""

    supervisor: Directory
    auth: Directory
    server: Server
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


def opened(slapd: Slapd) -> School:
    return School(connect(slapd.settings, "supervisor"), connect(slapd.settings, "auth"), slapd)


@pytest.fixture
def short():
    """A folder whose path is short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="package", params=["slapd"])
def shared(request):
    """One directory for all tests that leave it usable for the next: each takes logins and groups of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with start_slapd(folder) as slapd:
            school = opened(slapd)
            yield school
            school.close()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["slapd"])
def fragile(request, short):
    """A directory for one test, which may kill it."""
    with start_slapd(short) as slapd:
        school = opened(slapd)
        yield school
        school.close()
