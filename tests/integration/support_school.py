"""A running school with settings of one's own: the real launcher, its units or some of them, people, a second place.

May live here: what the carer does, its people, what lies on its disk and in its records. May not: a protocol.
"""

import base64
import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.auth.client import BlockingAuthClient
from appliance.auth.envelope import Keys, open_passwords, seal
from appliance.auth.replies import Verdict
from appliance.daemon.secret import Secret
from appliance.demo import sshd
from appliance.policy import passwords
from appliance.policy.account import Service
from appliance.policy.snapshot import Snapshot, decode
from appliance.supervisor.client import ControlClient, ServerRefused, ServerUnreachable
from tests.integration.demo.waiting import PATIENCE
from tests.integration.support_place import AS_ROOT, ROOT, Place, placed
from tests.integration.support_ports import free_port

ROSTER = """Import-ID;Vorname;Nachname;Klasse;Rolle;Geburtsdatum
1;Fred;Mustermann;3a;pupil;01.02.2017
2;Jürgen;Groß;3a;pupil;02.03.2017
3;Anna;Lehmann;;teacher;
"""
ACCOUNTS = ("audit", "privileged", "directory", "auth", "supervisor")
"""The units without which there are no accounts; beside them a test chooses those that it needs."""
QUICK = {
    "server": {"watchdog": "10 s", "probe_interval": "1 s"},
    "directory": {"argon2_memory": "1 MiB", "argon2_time": 1, "timeout": "2 s"},
}
"""Settings with which little is waited for."""
_OF_DOVECOT = ("dovecot", "maildirfolder", "subscriptions")


class School(Place):
    """A place with people. ``passwords``: what each has chosen, by login."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], units: Sequence[str]) -> None:
        super().__init__(folder, settings, units)
        self.passwords: dict[str, str] = {}

    # what the carer does

    @property
    def control(self) -> Path:
        return self.runtime / "control" / "control.sock"

    def call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        return ControlClient(self.control, 30.0).call(verb, arguments)

    def healthy(self) -> bool:
        with contextlib.suppress(ServerUnreachable, ServerRefused):
            return bool(self.call("status")["healthy"])
        return False

    def take_in(self, roster: str = ROSTER, **more: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """Import the people of ``roster``; the result, and the one-time passwords by login."""
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
        return result, open_passwords(keys, result["sealed"] or "")

    def bring_in(self, roster: str) -> None:
        """Import the people of ``roster``; each has a password of his own choice then."""
        _, issued = self.take_in(roster)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.choose_password, issued.keys(), issued.values()))

    def reset(self, login: str) -> str:
        """Give ``login`` a one-time password: it."""
        keys = Keys.generate()
        answer = self.call("users.reset-password", login=login, recipient=keys.public)
        return open_passwords(keys, answer["sealed"])[login]

    def why(self, code: str | None) -> dict[str, Any]:
        """What is known of the refusal ``code``, which is recorded a moment after it was said."""

        def known() -> dict[str, Any] | None:
            with contextlib.suppress(ServerRefused):
                return self.call("why", code=code)
            return None

        return self.when(known, 5)

    # what people do

    def choose_password(self, login: str, old: str) -> None:
        """Let ``login`` change his password ``old`` as everybody does."""
        chosen = passwords.generate(secrets.SystemRandom(), login, ())
        answer = self.change_password(login, old, chosen)
        assert answer["answer"] == "changed", answer["answer"]
        self.passwords[login] = chosen

    def change_password(self, login: str, old: str, new: str) -> dict[str, Any]:
        envelope = seal({"login": login, "old": old, "new": new}, self.call("auth.key")["key"])
        return self.call("passwd", envelope=envelope)

    def sign_in(self, login: str, password: str) -> Verdict:
        """Ask auth, as a mail service does."""
        with contextlib.closing(BlockingAuthClient(self.runtime / "auth" / "auth.sock")) as client:
            return client.verify(Service.MAIL, login, Secret(password), None)

    # what lies there

    def published(self, audience: str) -> Snapshot:
        return decode((self.runtime / "snapshots" / f"{audience}.snapshot").read_bytes())

    def when_published(self, audience: str, true: Callable[[Snapshot], Any], within: float = PATIENCE) -> float:
        """Wait until ``true`` holds of the published snapshot; seconds waited."""
        begun = time.monotonic()
        self.when(lambda: true(self.published(audience)), within)
        return time.monotonic() - begun

    def mailbox(self, login: str) -> Path:
        return self.data / "mail" / login

    def home(self, login: str) -> Path:
        return self.data / "homes" / login

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
        record = self.state / "audit" / "use.jsonl"
        found = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
        return [one for one in found if wanted.items() <= one.items()]


@contextlib.contextmanager
def running(settings: Mapping[str, Any] = QUICK, units: Sequence[str] = ()) -> Iterator[School]:
    """A school that runs while inside; nothing is left of it afterwards.

    With ``units`` these alone are ready. Without, all are, the second place too, and the school says that it is well.
    """
    own = {} if units else {"backup": sshd.settings_for(free_port())}
    with contextlib.ExitStack() as stack:
        school = stack.enter_context(placed(School, {**own, **settings}, units))
        if not units:
            stack.enter_context(sshd.second_place(school.folder, school.settings, ROOT))
        stack.callback(school.stop)
        school.start(wait=bool(units))
        if not units:
            school.when(school.healthy)
        yield school


def soon(seconds: float) -> str:
    """An instant ``seconds`` from now, as a verb reads it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
