#!/usr/bin/python3
"""Log on at this PC as at its console: /bin/login on a terminal of its own. It stands alone, standard library only.

``log_on.py LOGIN PASSWORD [--new PASSWORD]... [SCRIPT]``: SCRIPT is what is then done at the prompt. Each ``--new`` is
typed, twice, when a new password is asked for. It prints what comes on the screen. Exit code: that of SCRIPT; 1 when
nobody was let in.
"""

import contextlib
import os
import pty
import pwd
import re
import select
import signal
import subprocess
import sys
import time

_PATIENCE = 30.0
_REOPENS_WITHIN = 0.02
_LOOKS_EVERY = 0.05
_IN = "-- logged on --"
_NEW, _AGAIN, _OLD = r"New password: $", r"Retype new password: $", r"[Pp]assword: $"
_PROMPT, _OTHER_LOGIN = r"[$#] $", r"login: $"


class Session:
    """What is on the screen, and what is typed."""

    def __init__(self, login: str, password: str, new: list[str], script: str) -> None:
        self.seen = ""
        self.let_in = False
        self._password, self._new, self._script = password, new, script
        self._unanswered = ""
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            os.execv("/bin/login", ["login", login])

    def run(self) -> int:
        """Answer until it ends; the exit code."""
        deadline, ended = time.monotonic() + _PATIENCE, os.pidfd_open(self.pid)
        while time.monotonic() < deadline:
            select.select([self._screen, ended], [], [], deadline - time.monotonic())
            try:
                piece = os.read(self._screen, 4096).decode(errors="replace")
            except OSError:  # nobody has the terminal open: it has ended, or /bin/login (Debian 13) opens it anew
                if select.select([ended], [], [], _REOPENS_WITHIN)[0]:
                    break
                continue
            self.seen += piece
            self._unanswered += piece
            answer = self._answer()
            if answer == "":
                break
            if answer is not None:
                os.write(self._screen, f"{answer}\n".encode())
                self._unanswered = ""
        if not select.select([ended], [], [], 0)[0]:
            os.kill(self.pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return code if self.let_in else 1

    def _answer(self) -> "str | None":
        """What is typed; None: nothing yet, empty: one gives up."""
        asked = self._unanswered
        if re.search(_AGAIN, asked):
            return self._new.pop(0) if self._new else ""
        if re.search(_NEW, asked):
            return self._new[0] if self._new else ""
        if re.search(_OLD, asked):
            return self._password
        if re.search(_PROMPT, asked) and not self.let_in:
            self.let_in = True
            return f"stty -echo; PS1=; echo '{_IN[:4]}''{_IN[4:]}'; ( {self._script} ); exit"
        return "" if re.search(_OTHER_LOGIN, asked) else None


def wait_for_the_end(login: str) -> None:
    """Until a session of ``login`` that is ending has ended: it clears /tmp, and a ticket made meanwhile with it."""
    unit = f"user-runtime-dir@{pwd.getpwnam(login).pw_uid}.service"
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        over = _told("systemctl", "show", "--property=ActiveState", "--value", unit) in ("inactive", "failed")
        if over or _told("loginctl", "show-user", "--property=State", "--value", login) in ("online", "active"):
            return
        select.select([], [], [], _LOOKS_EVERY)


def _told(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    login, password, *rest = sys.argv[1:]
    new = []
    while rest[:1] == ["--new"]:
        new.append(rest[1])
        del rest[:2]
    with contextlib.suppress(KeyError):  # a login that the PC does not know
        wait_for_the_end(login)
    session = Session(login, password, new, " ".join(rest) or "true")
    code = session.run()
    print(session.seen)
    sys.exit(code)
