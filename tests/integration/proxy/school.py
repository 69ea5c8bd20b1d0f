"""A school with real slapd, auth, audit and proxy on loopback, and a site that is reached by explicit exception.

Nothing here ever connects beyond loopback: names that would lead outside are never asked for.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.daemon.authority import ensure_authority, issue
from appliance.daemon.identities import Identities
from appliance.daemon.secret import Secret
from appliance.daemon.snapshot_file import write_snapshot
from appliance.demo.origin import origin
from appliance.directory.client import Directory, connect
from appliance.policy.account import Account, Consent, Role
from appliance.policy.audience import for_audience
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.policy.snapshot import Snapshot, Version, encode
from appliance.settings.load import Settings, load
from tests.integration.mail.school import Daemon
from tests.integration.support_slapd import start_slapd, write_settings

PASSWORD = "Kartoffel-Salat7"
OTHER = "Zwiebel-Kuchen8"
LIMIT = 2_000_000
BOTH = frozenset({Consent.ACCOUNT, Consent.LOGS})
FRED, MARIA, MUST = "fred.mustermann", "maria.lehrer", "nina.neu"
PROBE = "schoolserver-probe"
PEOPLE: Mapping[str, Role] = {FRED: Role.PUPIL, MARIA: Role.TEACHER, MUST: Role.PUPIL}
BLOCKED = "spiele.example"


@dataclass
class School:
    """All of it; ``publish`` is what the supervisor would do."""

    folder: Path
    settings: Settings
    directory: Directory
    ports: Mapping[str, int]
    site: int
    secure_site: int
    raw_site: int
    raw: socket.socket
    audit: Daemon
    auth: Daemon
    proxy: Daemon
    snapshot: Snapshot | None = None

    @property
    def ca(self) -> Path:
        return self.folder / "authority" / "ca.pem"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    @property
    def used(self) -> str:
        """What audit has written."""
        return (self.settings.server.state / "audit" / "use.jsonl").read_text()

    def publish(self, limits: LimitTable | None = None, **changes: dict[str, object]) -> None:
        """Publish the accounts as they are, with ``changes`` by login (dots written as ``__``)."""
        accounts = {}
        for login, role in PEOPLE.items():
            account = Account(login, 20000, role, consents=BOTH, password_changed_at=datetime(2026, 9, 1, tzinfo=UTC))
            accounts[login] = replace(account, **changes.get(login.replace(".", "__"), {}))
        accounts[MUST] = replace(accounts[MUST], must_change=True)
        accounts[PROBE] = Account(PROBE, 20009, Role.STAFF, hidden=True)
        self.snapshot = Snapshot(
            version=Version(1, 1 if self.snapshot is None else self.snapshot.version.counter + 1),
            audience="supervisor",
            domain="schule.example",
            zone=self.settings.school.zone,
            accounts=accounts,
            rules=self.settings.access.rules,
            consents_required=self.settings.access.consents_required,
            limits=limits or LimitTable(Limits(LIMIT, LIMIT), {Role.TEACHER: Limits(2 * LIMIT, 2 * LIMIT)}),
        )
        for audience in ("auth", "web"):
            path = self.settings.server.runtime / "snapshots" / f"{audience}.snapshot"
            write_snapshot(path, encode(for_audience(self.snapshot, audience)))
            path.chmod(0o444)

    def connect(self, name: str = "proxy", timeout: float = 15.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[name]), timeout)


def sign(login: str = FRED, password: str = PASSWORD) -> str:
    """The header line that signs in."""
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}\r\n"


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read until the end; gives status and all that came after the first line."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while not data.endswith(b"</html>\n") and (piece := connection.recv(65536)):
            data += piece
    line, _, rest = data.partition(b"\r\n")
    return int(line[9:12] or b"0"), rest


@contextlib.contextmanager
def start_school() -> Iterator[School]:
    """Run a school until the end."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            yield _start(folder, stack)
    finally:
        shutil.rmtree(folder)


def _start(folder: Path, stack: contextlib.ExitStack) -> School:
    run, state = folder / "run", folder / "state"
    listeners = _listeners(run, stack)
    authority = ensure_authority(folder / "authority", "schule.example")
    issue(authority, folder / "site", ["localhost", "127.0.0.1"], None)
    sites = stack.enter_context(origin(0)), stack.enter_context(origin(0, folder / "site"))
    raw = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    raw.settimeout(15.0)
    inner = write_settings(folder)
    place = _settings(folder, inner, (*sites, raw.getsockname()[1]))
    outer = load(place)
    own = Identities(outer.server).of("proxy")
    for path, mode, uid in (
        (run / "snapshots", 0o755, -1),
        (state / "proxy" / "tls", 0o700, own.uid),
        (state / "audit", 0o700, -1),
        (state / "auth", 0o700, -1),
        (state / "supervisor", 0o700, -1),
        (folder / "lists" / "games", 0o755, -1),
    ):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, uid, -1)
    (folder / "lists" / "games" / "domains").write_text(f"{BLOCKED}\n")
    issue(authority, state / "proxy" / "tls", ["localhost", "127.0.0.1"], (own.uid, own.gid) if own.uid else None)
    slapd = stack.enter_context(start_slapd(folder, inner))
    directory = _fill(slapd.settings)
    stack.callback(directory.close)
    log = folder / "log"
    log.touch()
    log.chmod(0o666)
    daemons = [
        Daemon("appliance.audit", inner, log, {name: listeners[name] for name in ("audit", "query")}, "audit"),
        Daemon("appliance.auth", inner, log, {"auth": listeners["auth"]}, "auth"),
        Daemon("appliance.proxy", outer, log, {name: listeners[name] for name in ("proxy", "proxy-tls")}, "proxy"),
    ]
    ports = {name: listeners[name].getsockname()[1] for name in ("proxy", "proxy-tls")}
    school = School(folder, outer, directory, ports, *sites, raw.getsockname()[1], raw, *daemons)
    school.publish()
    for daemon in daemons:
        daemon.start()
        stack.callback(daemon.stop)
    return school


def _settings(folder: Path, inner: Settings, sites: tuple[int, ...]) -> Path:
    """The settings of the proxy: as root it runs under a number of its own."""
    server = inner.folder / "server.yaml"
    server.write_text(server.read_text() + "audit_log: plain\n")
    place = folder / "outer"
    shutil.copytree(inner.folder, place)
    identity = "numbers" if os.geteuid() == 0 else "same"
    (place / "server.yaml").write_text(server.read_text().replace("identity: same", f"identity: {identity}"))
    (place / "proxy.yaml").write_text(
        f"lists: {folder}/lists\nblocked_categories: {{pupil: [games]}}\nhead_timeout: 1 s\nidle_timeout: 2 s\n"
        f"answer_timeout: 3 s\nconnections_per_address: 40\nexceptions: "
        f"[{', '.join(f'127.0.0.1:{port}' for port in (*sites, 9))}, 'innen.example:80']\n"
    )
    return place


def _listeners(run: Path, stack: contextlib.ExitStack) -> dict[str, socket.socket]:
    listeners = {}
    for name, kind in (("auth", socket.SOCK_STREAM), ("audit", socket.SOCK_SEQPACKET), ("query", socket.SOCK_STREAM)):
        folder = run / ("audit" if name == "query" else name)
        folder.mkdir(parents=True, exist_ok=True)
        listeners[name] = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
        listeners[name].bind(str(folder / f"{name}.sock"))
        (folder / f"{name}.sock").chmod(0o666)
        listeners[name].listen(64)
    for name in ("proxy", "proxy-tls"):
        listeners[name] = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
    return listeners


def _fill(settings: Settings) -> Directory:
    directory, passwords = connect(settings, "supervisor"), connect(settings, "auth")
    for number, (login, role) in enumerate([*PEOPLE.items(), (PROBE, Role.STAFF)]):
        given, _, surname = login.partition(".")
        directory.create_account(
            login=login, uid=20000 + number, given_name=given, surname=surname or "probe", role=role, hidden=not surname
        )
        passwords.set_password(login, Secret(PASSWORD), must_change=login == MUST)
    passwords.close()
    return directory
