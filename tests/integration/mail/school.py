"""A school with real slapd, auth, audit, mail and Dovecot on loopback, each started as its unit starts it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.daemon.authority import ensure_authority, issue
from appliance.daemon.identities import Identities
from appliance.daemon.secret import Secret
from appliance.daemon.snapshot_file import write_snapshot
from appliance.directory.client import Directory, connect
from appliance.policy.account import Account, Consent, Role
from appliance.policy.audience import for_audience
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.policy.snapshot import Snapshot, Version, encode
from appliance.settings.load import Settings, load
from tests.integration.support_slapd import Slapd, start_slapd, write_settings

ROOT = Path(__file__).resolve().parents[3]
DEADLINE = 30.0
PASSWORD = "Kartoffel-Salat7"
LIMIT = 2_000_000
BOTH = frozenset({Consent.ACCOUNT, Consent.LOGS})

PEOPLE: Mapping[str, Role] = {
    "fred.mustermann": Role.PUPIL,
    "gina.musterfrau": Role.PUPIL,
    "frida.lehrer": Role.TEACHER,
    "ada.admin": Role.ADMIN,
}

MAIL_YAML = """\
idle_timeout: 3 s
connections: 6
connections_per_address: 12
recipients_max: 4
"""


def wait_for(true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Ask again and again until ``true()``; for what tells nobody when it happens."""
    limit, never = time.monotonic() + seconds, threading.Event()
    while not true():
        assert time.monotonic() < limit, "did not come true in time"
        never.wait(0.02)


class Daemon:
    """A program of ours with sockets handed in, as the launcher or systemd would."""

    def __init__(self, module: str, settings: Settings, log: Path, listeners: Mapping[str, socket.socket], part: str):
        self._module, self._settings, self._log, self._part = module, settings, log, part
        self._listeners = listeners
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says READY."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, self._log.open("ab") as log:
            path = self._settings.server.runtime / f"notify-{self._part}"
            path.unlink(missing_ok=True)
            notify.bind(str(path))
            path.chmod(0o777)
            # From numbers far above to those that the programs expect: moving one never overwrites another.
            descriptors = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 100) for each in self._listeners.values()]
            moves = " ".join(f"exec {to}<&{given} {given}<&-;" for to, given in enumerate(descriptors, 3))
            argv = ["/bin/bash", "-c", f'{moves} export LISTEN_PID=$$; exec "$@"', "sh"]
            argv += ["/usr/bin/python3", "-m", self._module, "--settings", str(self._settings.folder)]
            environment = os.environ | {
                "NOTIFY_SOCKET": str(path),
                "LISTEN_FDS": str(len(descriptors)),
                "LISTEN_FDNAMES": ":".join(self._listeners),
            }
            self.process = subprocess.Popen(
                argv,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                pass_fds=descriptors,
                **self._user(),
            )
            for descriptor in descriptors:
                os.close(descriptor)
            self._wait_for_ready(notify)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and wait until it is gone."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def children(self) -> list[int]:
        """Process ids of its children: the workers."""
        assert self.process is not None
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(each) for each in found.split()]

    def _user(self) -> dict[str, object]:
        if os.geteuid() != 0 or self._part == "imap":
            return {}
        own = Identities(self._settings.server).of(self._part)
        return {"user": own.uid, "group": own.gid, "extra_groups": list(own.groups)}

    def _wait_for_ready(self, notify: socket.socket) -> None:
        assert self.process is not None
        descriptor = os.pidfd_open(self.process.pid)
        try:
            limit = time.monotonic() + DEADLINE
            while (left := limit - time.monotonic()) > 0:
                readable, _, _ = select.select([notify, descriptor], [], [], left)
                if notify in readable and b"READY=1" in notify.recv(4096):
                    return
                if descriptor in readable:
                    raise AssertionError(f"{self._part} ended with {self.process.wait()}: {self._log.read_text()}")
            self.stop(signal.SIGKILL)
            raise AssertionError(f"{self._part} was not ready in time: {self._log.read_text()}")
        finally:
            os.close(descriptor)


class School:
    """All of it; ``publish`` is what the supervisor would do."""

    def __init__(self, folder: Path, inner: Settings, outer: Settings, listeners: Mapping[str, socket.socket]) -> None:
        self.folder, self.settings = folder, outer
        self.inner = inner
        self.log = folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        self.directory: Directory | None = None
        self.snapshot: Snapshot | None = None
        self.ca = ensure_authority(folder / "authority", "schule.example")
        self.audit = Daemon("appliance.audit", inner, self.log, {n: listeners[n] for n in ("audit", "query")}, "audit")
        self.auth = Daemon("appliance.auth", inner, self.log, {"auth": listeners["auth"]}, "auth")
        self.mail = Daemon("appliance.mail", outer, self.log, {"submission": listeners["submission"]}, "mail")
        self.imap = Daemon("appliance.mail.imap", outer, self.log, {"imap": listeners["imap"]}, "imap")
        self.ports = {name: listeners[name].getsockname()[1] for name in ("submission", "imap")}

    @property
    def context(self) -> ssl.SSLContext:
        """What a mail program of the school trusts."""
        return ssl.create_default_context(cafile=str(self.folder / "authority" / "ca.pem"))

    def boxes(self, login: str) -> list[Path]:
        """The messages of ``login``, new and seen."""
        return sorted((self.settings.server.data / "mail" / login).glob("[cn]*/*,S=*"))

    def publish(self, **changes: dict[str, object]) -> None:
        """Publish the accounts as they are, with ``changes`` by login (dots written as ``__``)."""
        accounts = {}
        for login, role in PEOPLE.items():
            name = login.replace(".", " ").title()
            stamp = datetime(2026, 9, 1, tzinfo=UTC)
            account = Account(login, 20000, role, display_name=name, consents=BOTH, password_changed_at=stamp)
            accounts[login] = replace(account, **changes.get(login.replace(".", "__"), {}))
        probe = Account("schoolserver-probe", 20001, Role.STAFF, hidden=True)
        counter = 1 if self.snapshot is None else self.snapshot.version.counter + 1
        limits = Limits(LIMIT, LIMIT)
        table = LimitTable(limits, {Role.TEACHER: Limits(2 * LIMIT, LIMIT)}, message_overhead=100_000)
        self.snapshot = Snapshot(
            version=Version(1, counter),
            audience="supervisor",
            domain="schule.example",
            zone=self.settings.school.zone,
            accounts=accounts | {probe.login: probe},
            rules=self.settings.access.rules,
            consents_required=self.settings.access.consents_required,
            limits=table,
        )
        for audience in ("auth", "mail"):
            path = self.settings.server.runtime / "snapshots" / f"{audience}.snapshot"
            write_snapshot(path, encode(for_audience(self.snapshot, audience)))
            path.chmod(0o444)


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
    run, state, data = folder / "run", folder / "state", folder / "srv"
    listeners = _listeners(run, stack)
    ports = {name: listeners[name].getsockname()[1] for name in ("submission", "imap")}
    network = f"listen:\n  submission: 127.0.0.1:{ports['submission']}\n  imap: 127.0.0.1:{ports['imap']}\n"
    inner = write_settings(folder)
    outer = _outer(folder, inner, network)
    own = Identities(outer.server).of("mail")
    for path, mode, uid in (
        (run / "snapshots", 0o755, -1),
        (run / "dovecot", 0o755, -1),
        (state / "mail" / "tls", 0o700, own.uid),
        (state / "imap" / "tls", 0o700, -1),
        (state / "audit", 0o700, -1),
        (state / "auth", 0o700, -1),
        (state / "supervisor", 0o700, -1),
        (data / "mail", 0o700, own.uid),
        (run / "usage" / "mail", 0o755, own.uid),
    ):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, uid, -1 if uid == -1 else own.gid)
    school = School(folder, inner, outer, listeners)
    names = ["localhost", "127.0.0.1", "schule.example"]
    issue(school.ca, state / "mail" / "tls", names, owner=(own.uid, own.gid) if os.geteuid() == 0 else None)
    issue(school.ca, state / "imap" / "tls", names)
    slapd = stack.enter_context(start_slapd(folder, inner))
    school.directory = _fill(slapd)
    stack.callback(school.directory.close)
    school.publish()
    for daemon in (school.audit, school.auth, school.mail, school.imap):
        daemon.start()
        stack.callback(daemon.stop)
    return school


def _outer(folder: Path, inner: Settings, network: str) -> Settings:
    """The settings of mail and Dovecot: as root they run under numbers of their own."""
    place = folder / "outer"
    shutil.copytree(inner.folder, place)
    server = (place / "server.yaml").read_text()
    identity = "numbers" if os.geteuid() == 0 else "same"
    (place / "server.yaml").write_text(server.replace("identity: same", f"identity: {identity}"))
    (place / "network.yaml").write_text(network)
    (place / "mail.yaml").write_text(MAIL_YAML)
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
    for name in ("submission", "imap"):
        listeners[name] = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
    return listeners


def _fill(slapd: Slapd) -> Directory:
    directory, passwords = connect(slapd.settings, "supervisor"), connect(slapd.settings, "auth")
    for number, (login, role) in enumerate([*PEOPLE.items(), ("schoolserver-probe", Role.STAFF)]):
        given, _, surname = login.partition(".")
        directory.create_account(
            login=login, uid=20000 + number, given_name=given, surname=surname or "probe", role=role, hidden=not surname
        )
        passwords.set_password(login, Secret(PASSWORD), must_change=False)
    passwords.close()
    return directory
