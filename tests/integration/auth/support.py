"""A school with a real directory and a real password service; the tests play supervisor, services and audit."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from appliance.auth.client import BlockingAuthClient
from appliance.auth.envelope import Keys
from appliance.daemon.secret import Secret
from appliance.daemon.snapshot_file import write_snapshot
from appliance.directory.client import connect
from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Account, Consent, Role, Service
from appliance.policy.audience import for_audience
from appliance.policy.events import Event, decode
from appliance.policy.snapshot import Snapshot, Version, encode
from tests.integration.support_slapd import ROOT, Slapd, start_slapd, write_settings

DEADLINE = 15.0
GOOD, PROBES = "Kamel-Zaun-7", "Kutter-Wind-8"
FRED, TEACHER, PROBE = "fred.mustermann", "maria.lehrer", "schoolserver-probe"


class School:
    """Everything around one password service; ``slapd`` and ``auth`` can be hurt."""

    def __init__(self, slapd: Slapd) -> None:
        self.settings = slapd.settings
        self.slapd = slapd
        self.runtime = self.settings.server.runtime
        for name in ("auth", "audit", "snapshots"):
            (self.runtime / name).mkdir(parents=True, exist_ok=True)
        self.socket = self.runtime / "auth" / "auth.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket))
        self.socket.chmod(0o666)
        self.listener.listen(128)
        self.audit = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.audit.bind(str(self.runtime / "audit" / "audit.sock"))
        self.audit.listen(8)
        self.counter = 0
        self.accounts = {
            one.login: one
            for one in (
                Account(FRED, 20001, Role.PUPIL, "Fred Mustermann", consents=frozenset(Consent)),
                Account(TEACHER, 20002, Role.TEACHER, "Maria Lehrer", consents=frozenset(Consent)),
                Account(PROBE, 59999, Role.STAFF, hidden=True),
            )
        }
        directory = connect(self.settings, "supervisor")
        for one in self.accounts.values():
            given, surname = one.login.replace("-", ".").split(".")
            directory.create_account(
                login=one.login, uid=one.uid, given_name=given, surname=surname, role=one.role, hidden=one.hidden
            )
        directory.close()
        self.set_password(TEACHER, GOOD)
        self.set_password(FRED, GOOD)
        self.set_password(PROBE, PROBES)
        self.auth: subprocess.Popen[bytes] | None = None

    def set_password(self, login: str, password: str, must_change: bool = False) -> None:
        directory = connect(self.settings, "auth")
        directory.set_password(login, Secret(password), must_change)
        directory.close()

    def publish(self, *changed: Account) -> None:
        """Publish the accounts, some of them changed, as the supervisor does."""
        self.accounts |= {one.login: one for one in changed}
        self.counter += 1
        whole = Snapshot(
            Version(1, self.counter),
            "supervisor",
            "schule.example",
            ZoneInfo("Europe/Berlin"),
            accounts=dict(self.accounts),
            rules=(AccessRule("access.yaml:1", frozenset(Service), Who(everyone=True), allow=True),),
            consents_required={Service.MAIL: frozenset({Consent.LOGS})},
        )
        write_snapshot(self.runtime / "snapshots" / "auth.snapshot", encode(for_audience(whole, "auth")))

    def change(self, login: str, **fields: object) -> Account:
        return replace(self.accounts[login], **fields)  # type: ignore[arg-type]

    def start_auth(self) -> None:
        """Start the service as the launcher does; what is asked meanwhile waits in the listening socket."""
        number = self.listener.fileno()
        script = f'exec 3<&{number}; LISTEN_PID=$$ exec /usr/bin/python3 -m appliance.auth --settings "$0"'
        self.auth = subprocess.Popen(
            ["/bin/bash", "-c", script, str(self.settings.folder)],
            cwd=ROOT,
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "auth"},
            stdin=subprocess.DEVNULL,
            pass_fds=(number,),
        )

    def stop_auth(self, number: int = signal.SIGTERM) -> int:
        assert self.auth is not None
        self.auth.send_signal(number)
        return self.auth.wait(DEADLINE)

    def client(self, timeout: float = DEADLINE) -> BlockingAuthClient:
        return BlockingAuthClient(self.socket, timeout)

    def events(self, count: int) -> list[Event]:
        """The next ``count`` events the service sends."""
        self.audit.settimeout(DEADLINE)
        connection, _ = self.audit.accept()
        with connection:
            connection.settimeout(DEADLINE)
            return [decode(connection.recv(65536)) for _ in range(count)]

    def close(self) -> None:
        if self.auth is not None and self.auth.poll() is None:
            self.stop_auth()
        self.listener.close()
        self.audit.close()


@contextmanager
def open_school(**settings: str) -> Iterator[School]:
    """Run slapd and the service over a snapshot of three accounts until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with start_slapd(folder, write_settings(folder, **settings)) as slapd:
            school = School(slapd)
            try:
                school.publish()
                school.start_auth()
                yield school
            finally:
                school.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def until(answer: object, ask: object) -> float:
    """Ask until the answer is this one; return after how many seconds it was."""
    assert callable(ask)
    start = time.monotonic()
    while (got := ask()) != answer:
        assert time.monotonic() < start + DEADLINE, f"still {got}"
    return time.monotonic() - start


def opened(keys: Keys, sealed: str) -> dict[str, str]:
    """Passwords by login from an envelope."""
    content = keys.open(sealed)
    assert isinstance(content, list)
    return {one["login"]: one["password"] for one in content}
