"""A school whose supervisor, directory, auth, audit and privileged really run, under the real launcher."""

import base64
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from appliance.auth.client import Answer, BlockingAuthClient
from appliance.auth.envelope import Keys, seal
from appliance.daemon.authority import ensure_authority, issue
from appliance.daemon.identities import Identities
from appliance.daemon.secret import Secret
from appliance.policy.account import Service
from appliance.policy.snapshot import decode
from appliance.settings.load import load
from appliance.supervisor.client import ControlClient
from appliance.supervisor.launcher.client import ChildrenClient

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATIENCE = 45.0
ACCOUNTS = ("audit", "privileged", "directory", "auth", "supervisor")
WITH_MAIL = (*ACCOUNTS, "mail", "imap")
ROSTER = """Import-ID;Vorname;Nachname;Klasse;Rolle;Geburtsdatum
1;Fred;Mustermann;3a;pupil;01.02.2017
2;Jürgen;Groß;3a;pupil;02.03.2017
3;Anna;Lehmann;;teacher;
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class School:
    """Settings below a short folder, the launcher over ``units``, and clients of what runs."""

    def __init__(self, units=ACCOUNTS, probe_interval="1 s"):
        self.units = units
        self.folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.process = None
        self._rest = b""
        etc = self.folder / "etc"
        etc.mkdir()
        self.write("school", "domain: schule.example\n")
        self.write(
            "server",
            "".join(f"{key}: {self.folder}/{key}\n" for key in ("state", "runtime", "data"))
            + f"identity: {'numbers' if os.geteuid() == 0 else 'same'}\n"
            + f"launcher: children\nwatchdog: 10 s\nprobe_interval: {probe_interval}\naudit_log: plain\n",
        )
        self.write("directory", "argon2_memory: 1 MiB\nargon2_time: 1\ntimeout: 2 s\n")
        ports = {name: free_port() for name in ("submission", "imap", "ldap")}
        self.write("network", "listen:\n" + "".join(f"  {name}: 127.0.0.1:{port}\n" for name, port in ports.items()))
        if "mail" in units:
            self.write("access", "modules: {files: off, web: off}\n")  # a closed module is not probed
        self.settings = load(etc)
        if "mail" in units:
            self._certify()

    def _certify(self):
        server = self.settings.server
        for folder in (server.state, server.runtime, server.data):
            folder.mkdir(mode=0o755)
        authority = ensure_authority(server.state / "authority", "schule.example")
        for service in ("mail", "imap"):
            (server.state / service).mkdir()
            owner = Identities(server).of(service)
            owner = owner if service == "mail" else Identities(server).of("privileged")
            issue(authority, server.state / service / "tls", ["localhost", "127.0.0.1"], (owner.uid, owner.gid))

    def write(self, name, text):
        (self.folder / "etc" / f"{name}.yaml").write_text(text)

    def start(self, wait=True):
        argv = ["/usr/bin/python3", str(HERE / "start.py"), str(self.folder / "etc"), *self.units]
        with (self.folder / "launcher.log").open("ab") as log:
            self.process = subprocess.Popen(
                argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=log
            )
        if wait:
            self.until(lambda units: all(one[0] == "ready" for one in units.values()))
        return self

    def close_launcher(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        return self.process.returncode

    def until(self, true, within=PATIENCE):
        """Wait until ``true(units)`` holds of what the launcher told; the units."""
        deadline = time.monotonic() + within
        output = self.process.stdout.fileno()
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                self._rest = rest
                units = json.loads(line)
                if true(units):
                    return units
                continue
            readable = select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]
            data = os.read(output, 65536) if readable else b""
            if not data:
                raise AssertionError(f"not reached; {self.logs()}")
            self._rest += data

    @property
    def control(self):
        return self.folder / "runtime" / "control" / "control.sock"

    def call(self, verb, **arguments):
        return ControlClient(self.control, 20.0).call(verb, arguments)

    def launcher(self):
        return ChildrenClient(self.folder / "runtime" / "launcher" / "launcher.sock")

    def pid(self, unit):
        return next(one.pid for one in self.launcher().states() if one.name == unit)

    def worker(self, unit):
        """The forked worker of a unit's parent process."""
        parent = self.pid(unit)
        return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])

    def published(self, audience):
        return decode((self.folder / "runtime" / "snapshots" / f"{audience}.snapshot").read_bytes())

    def when_published(self, audience, true, within=PATIENCE):
        """Wait until ``true`` holds of the published snapshot; seconds waited."""
        begun = time.monotonic()
        pause = select.poll()
        while not true(self.published(audience)):
            assert time.monotonic() - begun < within, self.logs()
            pause.poll(20)
        return time.monotonic() - begun

    def when(self, true, within=PATIENCE):
        """Wait until ``true()`` gives something true; that."""
        begun = time.monotonic()
        pause = select.poll()
        while not (found := true()):
            assert time.monotonic() - begun < within, self.logs()
            pause.poll(100)
        return found

    def bring_in(self, roster=ROSTER, **more):
        """Import a roster; the result and the passwords by login."""
        keys = Keys.generate()
        given = {
            "content": base64.b64encode(roster.encode()).decode(),
            "filename": "roster.csv",
            "dry_run": False,
            "consents": ["account", "logs"],
            "consent_version": "2026-08",
            "recipient": keys.public,
        }
        result = self.call("users.import", **{**given, **more})
        sealed = (result["sealed"] or "").split()
        return result, {one["login"]: one["password"] for part in sealed for one in keys.open(part)}

    def sign_in(self, login, password):
        """Ask auth, as a mail service does."""
        client = BlockingAuthClient(self.folder / "runtime" / "auth" / "auth.sock")
        try:
            return client.verify(Service.MAIL, login, Secret(password), None)
        finally:
            client.close()

    def change_password(self, login, old, new):
        """The ordinary change."""
        key = self.call("auth.key")["key"]
        return self.call("passwd", envelope=seal({"login": login, "old": old, "new": new}, key))

    def events(self):
        path = self.folder / "state" / "audit" / "use.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def logs(self):
        paths = [*self.folder.glob("state/log/*.log"), self.folder / "launcher.log"]
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in paths if path.exists())

    def close(self):
        try:
            if self.process is not None and self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(PATIENCE)
        finally:
            if self.process is not None:
                if self.process.poll() is None:
                    self.process.kill()
                    self.process.wait()
                self.process.stdout.close()
            shutil.rmtree(self.folder)


@pytest.fixture
def make_school():
    """Make schools; they are closed with the test."""
    made = []

    def make(**options):
        made.append(School(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def school():
    """One running school for a module's tests, with its people imported."""
    made = School()
    try:
        made.start()
        made.imported, made.passwords = made.bring_in()
        made.when(lambda: made.sign_in("anna.lehmann", made.passwords["anna.lehmann"]).answer is Answer.MUST_CHANGE)
        yield made
    finally:
        made.close()
