"""A school with real slapd, auth, audit and file service on loopback, each started as its unit starts it."""

from __future__ import annotations

import contextlib
import ftplib
import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.daemon.authority import ensure_authority, issue
from appliance.daemon.identities import Identities
from appliance.daemon.secret import Secret
from appliance.daemon.snapshot_file import write_snapshot
from appliance.directory.client import connect
from appliance.policy.account import Account, Consent, Group, GroupKind, Role
from appliance.policy.audience import for_audience
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.policy.snapshot import Snapshot, Version, encode
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from appliance.settings.load import Settings, load
from tests.integration.mail.school import Daemon
from tests.integration.support_slapd import start_slapd, write_settings

PASSWORD = "Kartoffel-Salat7"
LIMIT = 2_000_000
BOTH = frozenset({Consent.ACCOUNT, Consent.LOGS})
FRED, GINA, FRIDA, PROBE = "fred.mustermann", "gina.musterfrau", "frida.lehrer", "schoolserver-probe"
GROUPS = {
    "klasse3a": Group("klasse3a", GroupKind.CLASS, 30001),
    "klasse3b": Group("klasse3b", GroupKind.CLASS, 30002),
    "kollegium": Group("kollegium", GroupKind.STAFF, 30003),
}
PEOPLE: Mapping[str, tuple[int, Role, tuple[str, ...]]] = {
    FRED: (20000, Role.PUPIL, ("klasse3a",)),
    GINA: (20001, Role.PUPIL, ("klasse3b",)),
    FRIDA: (20002, Role.TEACHER, ("klasse3a", "kollegium")),
}
FILES_YAML = "workers: 1\nidle_timeout: 8 s\nconnections_per_address: 40\nsign_ins_max: 3\n"
ROOT = os.geteuid() == 0


class FileDaemon(Daemon):
    """Root starts the file service as root: it takes on people's ids by itself."""

    def _user(self) -> dict[str, object]:
        return {"umask": 0o007}


class School:
    """All of it; ``publish`` is what the supervisor would do."""

    def __init__(self, folder: Path, inner: Settings, outer: Settings, listeners: Mapping[str, socket.socket]) -> None:
        self.folder, self.inner, self.settings = folder, inner, outer
        self.log = folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        self.data = outer.server.data
        self.snapshot: Snapshot | None = None
        self.limit = LIMIT
        self.port = listeners["ftp"].getsockname()[1]
        self.ca = folder / "authority" / "ca.pem"
        self.audit = Daemon("appliance.audit", inner, self.log, {n: listeners[n] for n in ("audit", "query")}, "audit")
        self.auth = Daemon("appliance.auth", inner, self.log, {"auth": listeners["auth"]}, "auth")
        self.files = FileDaemon("appliance.fileshare", outer, self.log, {"ftp": listeners["ftp"]}, "fileshare")

    @property
    def context(self) -> ssl.SSLContext:
        """What a file program of the school trusts."""
        return ssl.create_default_context(cafile=str(self.ca))

    def home(self, login: str) -> Path:
        return self.data / "homes" / login

    def group(self, name: str) -> Path:
        return self.data / "groups" / name

    def publish(self, **changes: dict[str, object]) -> None:
        """Publish the accounts as they are, with ``changes`` by login (dots written as ``__``)."""
        accounts = {}
        changed_at = datetime(2026, 9, 1, tzinfo=UTC)
        for login, (uid, role, groups) in PEOPLE.items():
            account = Account(login, uid, role, groups=groups, consents=BOTH, password_changed_at=changed_at)
            accounts[login] = replace(account, **changes.get(login.replace(".", "__"), {}))
        probe = Account(PROBE, 20009, Role.STAFF, hidden=True)
        counter = 1 if self.snapshot is None else self.snapshot.version.counter + 1
        self.snapshot = Snapshot(
            version=Version(1, counter),
            audience="supervisor",
            domain="schule.example",
            zone=self.settings.school.zone,
            accounts=accounts | {probe.login: probe},
            groups=GROUPS,
            rules=self.settings.access.rules,
            consents_required=self.settings.access.consents_required,
            limits=LimitTable(Limits(self.limit, self.limit), {Role.TEACHER: Limits(2 * self.limit, 20 * self.limit)}),
        )
        for audience in ("auth", "files"):
            path = self.settings.server.runtime / "snapshots" / f"{audience}.snapshot"
            write_snapshot(path, encode(for_audience(self.snapshot, audience)))
            path.chmod(0o444)

    @contextlib.contextmanager
    def ftp(self, login: str | None = FRED, password: str = PASSWORD, protect: bool = True) -> Iterator[ftplib.FTP_TLS]:
        """A file program, signed in unless ``login`` is ``None``."""
        with ftplib.FTP_TLS(context=self.context, timeout=20) as client:
            client.connect("127.0.0.1", self.port)
            if login is not None:
                client.login(login, password)
                if protect:
                    client.prot_p()
            yield client


@contextlib.contextmanager
def start_school(limit: int = LIMIT, place: str = "/tmp", **settings: str) -> Iterator[School]:
    """Run a school below ``place`` until the end; ``settings`` are files by name, such as ``fileshare``."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir=place))
    folder.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            yield _start(folder, stack, limit, {"fileshare": FILES_YAML, **settings})
    finally:
        shutil.rmtree(folder)


def _start(folder: Path, stack: contextlib.ExitStack, limit: int, files: Mapping[str, str]) -> School:
    run, state, data = folder / "run", folder / "state", folder / "srv"
    listeners = _listeners(run, stack)
    inner = write_settings(folder)
    outer = _outer(folder, inner, listeners["ftp"].getsockname()[1], files)
    own = Identities(outer.server).of("fileshare")
    owned = own.uid if ROOT else -1
    for path, mode, uid in (
        (run / "snapshots", 0o755, -1),
        (run / "usage" / "files", 0o755, owned),
        (state / "fileshare" / "tls", 0o700, owned),
        (state / "fileshare", 0o700, owned),
        (state / "audit", 0o700, -1),
        (state / "auth", 0o700, -1),
        (state / "supervisor", 0o700, -1),
        (data / "homes", 0o711, -1),
        (data / "groups", 0o711, -1),
    ):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if ROOT:
            os.chown(path, uid, own.gid if uid != -1 else -1)
    for login, (uid, _role, _groups) in [*PEOPLE.items(), (PROBE, (20009, Role.STAFF, ()))]:
        Homes(data / "homes").make(login, uid, uid)
    for group in GROUPS.values():
        Groups(data / "groups").make(group.name, group.gid)
    school = School(folder, inner, outer, listeners)
    school.limit = limit
    authority = ensure_authority(folder / "authority", "schule.example")
    names = ["localhost", "127.0.0.1", "schule.example"]
    issue(authority, state / "fileshare" / "tls", names, owner=(own.uid, own.gid) if ROOT else None)
    _fill(stack.enter_context(start_slapd(folder, inner)).settings)
    school.publish()
    for daemon in (school.audit, school.auth, school.files):
        daemon.start()
        stack.callback(daemon.stop)
    return school


def _outer(folder: Path, inner: Settings, port: int, files: Mapping[str, str]) -> Settings:
    """The settings of the file service: as root it serves under people's numbers."""
    place = folder / "outer"
    shutil.copytree(inner.folder, place)
    server = (place / "server.yaml").read_text()
    (place / "server.yaml").write_text(server.replace("identity: same", f"identity: {'numbers' if ROOT else 'same'}"))
    (place / "network.yaml").write_text(f"listen:\n  ftp: 127.0.0.1:{port}\n")
    for name, text in files.items():
        (place / f"{name}.yaml").write_text(text)
    return load(place)


def _listeners(run: Path, stack: contextlib.ExitStack) -> dict[str, socket.socket]:
    listeners = {}
    for name, kind in (("auth", socket.SOCK_STREAM), ("audit", socket.SOCK_SEQPACKET), ("query", socket.SOCK_STREAM)):
        folder = run / ("audit" if name == "query" else name)
        folder.mkdir(parents=True, exist_ok=True)
        listeners[name] = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
        listeners[name].bind(str(folder / f"{name}.sock"))
        (folder / f"{name}.sock").chmod(0o666)
        listeners[name].listen(64)
    listeners["ftp"] = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
    return listeners


def _fill(settings: Settings) -> None:
    directory, passwords = connect(settings, "supervisor"), connect(settings, "auth")
    people = [(login, uid, role) for login, (uid, role, _groups) in PEOPLE.items()]
    for login, uid, role in [*people, (PROBE, 20009, Role.STAFF)]:
        given, _, surname = login.partition(".")
        directory.create_account(
            login=login, uid=uid, given_name=given, surname=surname or "probe", role=role, hidden=not surname
        )
        passwords.set_password(login, Secret(PASSWORD), must_change=False)
    passwords.close()
    directory.close()
