"""A whole running school with settings of the suite's own: the real launcher, every unit, people, a second place.

May live here: starting and ending it, its people, what lies on its disk and in its records. May not: a protocol.
"""

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import yaml

from appliance.auth.envelope import Keys, open_passwords, seal
from appliance.daemon import authority
from appliance.daemon.identities import Identities
from appliance.demo import sshd
from appliance.policy import passwords
from appliance.settings.load import load
from appliance.supervisor.client import ControlClient, ServerRefused, ServerUnreachable
from appliance.supervisor.launcher.client import ChildrenClient
from tests.integration.demo.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
AS_ROOT = os.geteuid() == 0
DOMAIN = "schule.example"
UP_WITHIN = 60.0
LISTENERS = ("submission", "imap", "ldap", "ftp", "proxy", "proxy-tls")
_WITH_KEYS = ("mail", "imap", "proxy", "fileshare")
_OF_DOVECOT = ("dovecot", "maildirfolder", "subscriptions")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class School:
    """``settings``: file name to content, beside those that say where everything is. Start it with :func:`running`."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.passwords: dict[str, str] = {}
        etc = folder / "etc"
        etc.mkdir()
        places = {key: str(folder / key) for key in ("state", "runtime", "data")}
        identity = "numbers" if AS_ROOT else "same"
        own: dict[str, dict[str, Any]] = {
            "school": {"domain": DOMAIN, "language": "en"},
            "server": {**places, "identity": identity, "launcher": "children", "audit_log": "plain"},
            "network": {"listen": {name: f"127.0.0.1:{free_port()}" for name in LISTENERS}},
            "backup": sshd.settings_for(free_port()),
        }
        for name in own.keys() | settings.keys():
            content = {**own.get(name, {}), **settings.get(name, {})}
            (etc / f"{name}.yaml").write_text(yaml.safe_dump(content))
        self.settings = load(etc)
        self.control = ControlClient(self.settings.server.runtime / "control" / "control.sock", 30.0)
        self._certify()

    def _certify(self) -> None:
        state, identities = self.settings.server.state, Identities(self.settings.server)
        made = authority.ensure_authority(state / "authority", DOMAIN)
        for service in _WITH_KEYS:
            owner = identities.of(service)
            authority.issue(made, state / service / "tls", ["localhost", "127.0.0.1"], (owner.uid, owner.gid))

    @property
    def ca(self) -> Path:
        return self.settings.server.state / "authority" / "ca.pem"

    def address(self, listener: str) -> tuple[str, int]:
        listen = self.settings.network.listen[listener]
        return str(listen.host), listen.port

    # what the carer does

    def call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        return self.control.call(verb, arguments)

    def healthy(self) -> bool:
        with contextlib.suppress(ServerUnreachable, ServerRefused):
            return bool(self.call("status")["healthy"])
        return False

    def bring_in(self, roster: str) -> None:
        """Import the people of ``roster``; each has a password of his own choice then."""
        keys = Keys.generate()
        given = {
            "content": base64.b64encode(roster.encode()).decode(),
            "filename": "roster.csv",
            "dry_run": False,
            "consents": ["account", "logs"],
            "consent_version": "2026-08",
            "recipient": keys.public,
        }
        issued = open_passwords(keys, self.call("users.import", **given)["sealed"])
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.choose_password, issued.keys(), issued.values()))

    def reset(self, login: str) -> str:
        """Give ``login`` a one-time password: it."""
        keys = Keys.generate()
        answer = self.call("users.reset-password", login=login, recipient=keys.public)
        return open_passwords(keys, answer["sealed"])[login]

    def choose_password(self, login: str, old: str) -> None:
        """Let ``login`` change his password ``old`` as everybody does."""
        chosen = passwords.generate(secrets.SystemRandom(), login, ())
        envelope = seal({"login": login, "old": old, "new": chosen}, self.call("auth.key")["key"])
        answer = self.call("passwd", envelope=envelope)
        assert answer["answer"] == "changed", answer["answer"]
        self.passwords[login] = chosen

    @contextlib.contextmanager
    def frozen(self, unit: str) -> Iterator[None]:
        """The processes of ``unit`` do not go on while inside."""
        client = ChildrenClient(self.settings.server.runtime / "launcher" / "launcher.sock")
        pid = next(one.pid for one in client.states() if one.name == unit)
        client.close()
        own = psutil.Process(pid)
        stopped = [own, *own.children(recursive=True)]
        try:
            for process in stopped:
                process.suspend()
            yield
        finally:
            for process in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    # what lies there

    def mailbox(self, login: str) -> Path:
        return self.settings.server.data / "mail" / login

    def home(self, login: str) -> Path:
        return self.settings.server.data / "homes" / login

    def kept(self, login: str) -> dict[str, int]:
        """All that lies in mailbox and home of ``login``, unfinished and hidden things too: path and size."""
        found = {}
        for place in (self.mailbox(login), self.home(login)):
            for path in place.rglob("*"):
                with contextlib.suppress(FileNotFoundError):
                    if path.is_file() and not path.name.startswith(_OF_DOVECOT):
                        found[str(path.relative_to(place.parents[1]))] = path.stat().st_size
        return found

    def put(self, path: Path, content: bytes) -> Path:
        """Put a file where a service would, owned like the folder in which it lies."""
        path.write_bytes(content)
        path.chmod(0o600)
        owner = path.parent.stat()
        if AS_ROOT:
            os.chown(path, owner.st_uid, owner.st_gid)
        return path

    def events(self, **wanted: str) -> list[dict[str, Any]]:
        """The record of use: events whose fields are as ``wanted``."""
        record = self.settings.server.state / "audit" / "use.jsonl"
        found = [json.loads(line) for line in record.read_text().splitlines()]
        return [one for one in found if wanted.items() <= one.items()]

    def logs(self) -> dict[str, str]:
        """What every unit, and the launcher, has said so far."""
        paths = [self.folder / "launcher.log", *(self.settings.server.state / "log").glob("*.log")]
        return {path.stem: path.read_text(errors="replace") for path in paths}


@contextlib.contextmanager
def running(settings: Mapping[str, Any]) -> Iterator[School]:
    """A school that is up and well while inside; nothing is left of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        school = School(folder, settings)
        with sshd.second_place(folder, school.settings, ROOT), _launched(school) as launcher:
            up = lambda: launcher.poll() is not None or school.healthy()  # noqa: E731 - said where it is used
            eventually(up, UP_WITHIN, "the school is well")
            assert launcher.poll() is None, (folder / "launcher.log").read_text()
            yield school
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _launched(school: School) -> Iterator[subprocess.Popen[bytes]]:
    program = ["/usr/bin/python3", "-m", "appliance.supervisor.launcher", "--with-parent"]
    with (school.folder / "launcher.log").open("wb") as log:
        launcher = subprocess.Popen(
            [*program, "--settings", str(school.settings.folder)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stderr=log,
            cwd="/",
        )
    try:
        yield launcher
    finally:
        if launcher.poll() is None:
            launcher.send_signal(signal.SIGTERM)
        try:
            assert launcher.wait(UP_WITHIN) == 0
        finally:
            if launcher.poll() is None:
                launcher.kill()
                launcher.wait()


def soon(seconds: float) -> str:
    """An instant ``seconds`` from now, as a verb reads it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
