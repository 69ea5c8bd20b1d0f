"""A network drive of a PC: SMB, served by the domain's own Samba, so only where the directory is the domain.

SMB says no words, only numbers, and gives no code by which a refusal could be looked up. Whoever is not let in by the
policy hears that access is denied; whoever may not log on anywhere, that it is not the time for it.
"""

import json
import select
import subprocess
import time
from pathlib import Path
from typing import Any, ClassVar

from appliance.policy.account import Service
from tests.integration.demo.waiting import eventually
from tests.integration.services.driver import AT_ONCE, PATIENCE, Direction, Outcome
from tests.integration.support_domain_school import DomainSchool

_CLIENT = Path(__file__).with_name("smb_client.py")
_DENIED, _NO_TIME, _FULL = "NT_STATUS_ACCESS_DENIED", "NT_STATUS_INVALID_LOGON_HOURS", "NT_STATUS_DISK_FULL"
_GONE = "NT_STATUS_CONNECTION_DISCONNECTED"
"""Where the kernel holds a session to its first limit (a root without CAP_SYS_RESOURCE), the door has the PC come back
for another one, which a PC does by itself."""
_SOON = 15.0
"""Seconds within which the door takes away what was cut, and has counted what is left."""


class Smb:
    """In the home of who signed in. What is moved over SMB is no event, and what comes down has no limit."""

    name = "smb"
    service = Service.FILES
    replies: ClassVar = {
        Outcome.SIGNED_IN: "done",
        Outcome.WRONG: "NT_STATUS_LOGON_FAILURE",
        Outcome.MUST_CHANGE: "NT_STATUS_PASSWORD_MUST_CHANGE",
        Outcome.LOCKED: f"{_DENIED}|{_NO_TIME}",
        Outcome.NOT_OPEN: _DENIED,
        Outcome.NO_CONSENT: f"{_DENIED}|{_NO_TIME}",
        Outcome.TRY_LATER: _DENIED,  # a door that gives no answer opens nothing, and a PC knows no other word for it
        Outcome.PASSED: "done",
        Outcome.TOO_LARGE: _FULL,
        Outcome.OVER_QUOTA: _FULL,
        Outcome.ENDED_LOCKED: "ended",
        Outcome.ENDED_CHANGED: "ended",
    }
    recorded: ClassVar = {Direction.UP: None, Direction.DOWN: None}

    def __init__(self, school: DomainSchool, address: str = "127.0.0.1") -> None:
        self._school = school
        self._login = self._password = ""
        self._files = 0
        argv = school.domain.network.argv(["/usr/bin/python3", str(_CLIENT)])
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def sign_in(self, login: str, password: str) -> str:
        """The domain learns of a lock, and of its end, a moment after our services (K18: within two seconds)."""
        self._login, self._password = login, password
        until = time.monotonic() + AT_ONCE
        while True:
            words = str(self._ask("connect", login, password))
            if words != _NO_TIME or time.monotonic() > until or self._locked():
                return words

    def move(self, direction: Direction, size: int) -> str:
        self._files += 1
        name = f"Referat-{id(self)}-{self._files}.bin"
        path = self._school.home(self._login) / name
        if direction is Direction.UP:
            words = str(self._ask("put", name, size))
            if words == _GONE:
                self._ask("connect", self._login, self._password)
                words = str(self._ask("put", name, size))
            if words == _FULL:
                eventually(lambda: not path.exists(), _SOON, "what was cut is taken away")
            return words
        self._school.put(path, bytes(size))
        try:
            came = self._ask("get", name)
        finally:
            path.unlink()
        return "done" if came == size else str(came)

    def edge(self, limit: int, direction: Direction) -> int | None:
        """One byte more is taken away a moment later; two more are refused at once."""
        return limit if direction is Direction.UP else None

    def open(self) -> bool:
        return self._ask("here") == "done"

    def last_words(self, within: float) -> str:
        assert self._ask("wait", within) is True, "goes on"
        return "ended"

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, *action: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(action).encode() + b"\n")
        self._process.stdin.flush()
        assert select.select([self._process.stdout], [], [], PATIENCE)[0], f"no answer to {action[0]}"
        return json.loads(self._process.stdout.readline())

    def _locked(self) -> bool:
        return bool(self._school.call("users.show", login=self._login)["locks"])
