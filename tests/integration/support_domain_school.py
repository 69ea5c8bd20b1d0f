"""A running school whose directory is the Samba domain: its services as ever, the domain in a network of its own.

May live here: bringing the two together, and clients of a PC. May not: what either does. Root only, as the domain is.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.daemon.identities import Identities
from tests.integration.support_domain import RunningDomain, start_domain
from tests.integration.support_place import placed
from tests.integration.support_school import QUICK, School

SERVICES = ("supervisor", "auth")
"""Who has an account of its own in the directory."""


class DomainSchool(School):
    """A school with a :attr:`domain`, which :func:`domain_school` gives it."""

    domain: RunningDomain

    def log_on(self, login: str, password: str) -> str:
        """Log on as a PC does, by Kerberos (RFC 4120): ``in``, ``must-change``, or what the domain says against it."""
        done = self.domain.inside(["env", "LC_ALL=C", "kinit", "-c", "MEMORY:", login], f"{password}\n")
        if done.returncode == 0:
            return "in"
        if "Password expired" in done.stdout + done.stderr:
            return "must-change"
        return done.stderr.strip().rpartition("kinit: ")[2]


@contextlib.contextmanager
def domain_school(settings: Mapping[str, Any] = QUICK, units: Sequence[str] = ()) -> Iterator[DomainSchool]:
    """A school of these settings over a domain; ``units`` run (``directory`` is not one of them) while inside."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder)
        domain = stack.enter_context(start_domain(folder))
        there = domain.settings
        directory = {"kind": "domain", "uri": there.directory.uri, "ca": str(there.folder / "ca.pem"), "timeout": "5 s"}
        host = {"host": there.domain.host}
        school = stack.enter_context(placed(DomainSchool, {**settings, "directory": directory, "domain": host}, units))
        school.domain = domain
        school.state.mkdir(parents=True, exist_ok=True)
        (school.state / "domain").symlink_to(domain.place.folder)  # the privileged helper reads its database
        school.runtime.mkdir(parents=True, exist_ok=True)
        (school.runtime / "domain").symlink_to(domain.place.runtime)  # and tells its smbd about new shares
        for name in SERVICES:
            _give(there.server.state / name / "directory.password", school, name)
        stack.callback(school.stop)
        school.start()
        yield school


def _give(password: Path, school: School, part: str) -> None:
    """Put the password of a service account where ``part`` alone reads it, as the domain's own preparation does."""
    target, owner = school.state / part / password.name, Identities(school.settings.server).of(part)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(password, target)
    os.chown(target, owner.uid, owner.gid)
    target.chmod(0o400)
