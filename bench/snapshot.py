"""One change among 5,000 accounts until every service's snapshot is on disk, on slapd and on Samba's domain.

The peer is ldapsearch, which reads the same 5,250 entries in C and writes them nowhere: the least that reading them all
would cost. And what a look costs, as there is one each half second, when nothing has changed, and after somebody's
first log-on, which a domain controller counts as a change.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from appliance.daemon.secret import Secret
from appliance.directory.client import connect
from appliance.directory.slapd.embedded import embedded
from appliance.settings.load import Settings
from appliance.supervisor.assembly import Parts, assemble
from bench.harness import Row
from tests.integration.directory.test_large import ACCOUNTS, GROUPS, entries
from tests.integration.support_domain import ROOT, start_domain
from tests.integration.support_slapd import start_slapd, write_settings

_ONE, _PASSWORD = "kind4999.nachname99", Secret("Kartoffel-Salat7")
_LOOKS = 50


@contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows while both directories run."""
    with ExitStack() as stack:
        slapd, by_slapd = stack.enter_context(_on_slapd())
        domain, by_domain = stack.enter_context(_on_domain())
        yield (*_rows_of("slapd", slapd, by_slapd), *_rows_of("domain", domain, by_domain))


def _rows_of(kind: str, parts: Parts, search: Sequence[str]) -> tuple[Row, ...]:
    numbers, publisher, directory = itertools.count(), parts.core.publisher, parts.directory
    auth = connect(parts.core.settings, "auth")

    def change() -> float:
        directory.update_account(_ONE, display_name=f"Kind Nummer {next(numbers)}")
        return _timed(publisher.look)

    def nothing() -> float:
        return 1000 * min(_timed(publisher.look) for _ in range(_LOOKS))

    def log_on() -> float:
        number = next(numbers)
        login = f"kind{number}.nachname{number % 700}"
        auth.set_password(login, _PASSWORD, must_change=False)
        publisher.look()
        auth.check(login, _PASSWORD)
        return 1000 * _timed(publisher.look)

    def read() -> float:
        environment = {**os.environ, "LDAPTLS_REQCERT": "never"}
        return _timed(lambda: subprocess.run(search, check=True, stdout=subprocess.DEVNULL, env=environment))

    name, peer = f"{kind}: snapshot of 5,000 accounts after one change", "ldapsearch of all"
    return (
        Row(name, "s", False, change, read, peer, limit=1.0),
        Row(f"{kind}: a look, nothing changed", "ms", False, nothing, lambda: 1000 * read(), peer, limit=10.0),
        Row(f"{kind}: a look after a log-on", "ms", False, log_on, lambda: 1000 * read(), peer, limit=50.0),
    )


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


@contextmanager
def _supervised(settings: Settings) -> Iterator[Parts]:
    """The supervisor's parts, which have read the directory."""
    (settings.server.runtime / "snapshots").mkdir(parents=True, exist_ok=True)
    parts = assemble(settings, lambda: None, lambda: None)
    try:
        snapshot = parts.core.publisher.snapshot if parts.core.publisher.look() else None
        if snapshot is None or len(snapshot.accounts) != ACCOUNTS:
            raise RuntimeError("the directory was not read")
        yield parts
    finally:
        parts.close()


@contextmanager
def _on_slapd() -> Iterator[tuple[Parts, Sequence[str]]]:
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as place:
        settings = write_settings(Path(place))
        server = embedded(settings)
        prepare = ["-m", "appliance.directory.slapd", "--settings", str(settings.folder), "--prepare-only"]
        subprocess.run(["/usr/bin/python3", *prepare], cwd=ROOT, check=True)
        ldif = "\n".join(entries(server.tree.base))
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", server.config], input=ldif, text=True, check=True)
        uri = f"ldapi://{str(server.socket).replace('/', '%2F')}"
        search = _search(uri, server.tree.service("supervisor"), server.passwords["supervisor"], server.tree.base)
        with start_slapd(Path(place), settings), _supervised(settings) as parts:
            yield parts, search


@contextmanager
def _on_domain() -> Iterator[tuple[Parts, Sequence[str]]]:
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with start_domain(folder, started=False) as domain:
            fill = ["/usr/bin/python3", str(Path(__file__).with_name("fill_domain.py"))]
            ldif = "\n".join(_in_domain(domain.place.tree.base, domain.place.name))
            subprocess.run([*fill, str(domain.place.private / "sam.ldb")], input=ldif, text=True, check=True)
            domain.start()
            host, port = domain.address
            password = domain.settings.server.state / "supervisor" / "directory.password"
            tree = domain.place.tree
            search = _search(f"ldaps://{host}:{port}", tree.service("supervisor"), password, tree.base)
            with _supervised(domain.settings) as parts:
                yield parts, search
    finally:
        shutil.rmtree(folder)


def _search(uri: str, name: str, password: Path, base: str) -> Sequence[str]:
    known = ["-D", name, "-y", str(password), "-b", base, "-E", "pr=1000/noprompt"]
    return ["ldapsearch", "-x", "-LLL", "-H", uri, *known, "(|(uidNumber=*)(gidNumber=*))", "*"]


def _in_domain(base: str, domain: str) -> Iterator[str]:
    """The same people and groups as LDIF, as they are kept in a domain."""
    for number in range(ACCOUNTS):
        login = f"kind{number}.nachname{number % 700}"
        yield f"""\
dn: CN={login},OU=people,{base}
objectClass: user
uid: {login}
sAMAccountName: k{number}
userPrincipalName: {login}@{domain}
userAccountControl: 512
uidNumber: {20000 + number}
gidNumber: {20000 + number}
givenName: Kind{number}
sn: Nachname{number % 700}
displayName: Kind{number} Nachname{number % 700}
mail: {login}@{domain}
employeeType: pupil
unixHomeDirectory: /srv/schoolserver/homes/{login}
loginShell: /bin/bash
"""
    for number in range(GROUPS):
        members = "".join(
            f"member: CN=kind{one}.nachname{one % 700},OU=people,{base}\n"
            for one in range(ACCOUNTS)
            if number in (one % GROUPS, (one * 7 + 1) % GROUPS)
        )
        yield f"""\
dn: CN=gruppe{number},OU={"class" if number % 2 else "course"},OU=groups,{base}
objectClass: group
sAMAccountName: gruppe{number}
gidNumber: {30000 + number}
description: Gruppe {number}
{members}"""
