"""A demo as its user starts it: one process in the foreground, and everything that hangs on it.

May live here: starting, ending, finding its processes. May not: speaking to its services (``clients``).
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.integration.demo.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
UP_WITHIN = 100.0  # longer than the demo waits until all is well, and says what is not
DOWN_WITHIN = 30.0
NOBODY = 65534


@dataclass(frozen=True)
class Account:
    """Somebody of the demo school, as its contract names him."""

    login: str
    password: str
    role: str
    groups: tuple[str, ...]

    @property
    def address(self) -> str:
        return f"{self.login}@schule.example"


@dataclass(frozen=True)
class Part:
    """One process of the demo: ``role`` is the same for whoever takes its place after its death."""

    pid: int
    role: str
    unit_pid: int


class RunningDemo:
    """``schoolserver demo`` in ``folder``: state, ready file, home and folder for temporary files all lie in there."""

    def __init__(self, folder: Path, *, state: str = "state", uid: int | None = None, options: Sequence[str] = ()):
        self.folder = folder
        self.state = folder / state
        self.ready_file = folder / "ready.json"
        self.output = folder / "output"
        self.uid = uid
        self.options = options
        self.program = ROOT if uid is None else _readable_copy(folder / "program")
        self.process: subprocess.Popen[bytes] | None = None
        self.launcher_pid = 0
        self.contract: dict[str, Any] = {}
        self.taken: set[str] = set()
        self.small_disk: Path | None = None
        self.outside_before = paths_outside()
        for name in ("home", "temporary"):
            (folder / name).mkdir(exist_ok=True)
        if uid is not None:
            for path in (folder, folder / "home", folder / "temporary"):
                os.chown(path, uid, uid)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SCHOOLSERVER_")}
        places = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "temporary")}
        return {**kept, **places, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": "1"}

    def start(self) -> "RunningDemo":
        """Start it and read the contract; fails with all it said when it does not come up."""
        argv = [sys.executable, "-m", "appliance", "demo"]
        argv += ["--state", str(self.state), "--ready-file", str(self.ready_file), *self.options]
        if self.uid is not None:
            argv = [*_person(self.folder), f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", *argv]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                argv,
                cwd=self.program,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            eventually(lambda: self.ready_file.exists() or self.process.poll() is not None, UP_WITHIN, "the demo is up")
        except AssertionError as late:
            self.process.send_signal(signal.SIGABRT)  # it says where it is (faulthandler)
            self.process.wait(DOWN_WITHIN)
            raise AssertionError(f"{late}; it said:\n{self.said}") from None
        assert self.ready_file.exists(), f"the demo ended by itself:\n{self.said}"
        self.contract = json.loads(self.ready_file.read_text())
        self.launcher_pid = next(
            child.pid
            for child in psutil.Process(self.process.pid).children(recursive=True)
            if "appliance.supervisor.launcher" in child.cmdline()
        )
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it as its user would; gives the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DOWN_WITHIN)

    def clear_away(self) -> None:
        """End it whatever happened before, so that no test leaves processes behind."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.end()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    @property
    def accounts(self) -> dict[str, Account]:
        """The people of the contract, by login."""
        return {
            one["login"]: Account(one["login"], one["password"], one["role"], tuple(one["groups"]))
            for one in self.contract["accounts"]
        }

    def service(self, name: str) -> tuple[str, int]:
        host, port = self.contract["services"][name]
        return host, port

    @property
    def settings_folder(self) -> Path:
        return self.state / "etc"

    @property
    def runtime(self) -> Path:
        return Path(self.contract["control"]).parents[1]

    def processes(self) -> list[psutil.Process]:
        """All that hangs on this demo, whoever its parent is: by session, by what its command line or files name."""
        found = []
        for process in psutil.process_iter():
            if process.pid in (os.getpid(), os.getppid()):
                continue
            with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
                in_session = self.launcher_pid and os.getsid(process.pid) == self.launcher_pid
                if process.status() != psutil.STATUS_ZOMBIE and (in_session or self._named_by(process)):
                    found.append(process)
        return found

    def _named_by(self, process: psutil.Process) -> bool:
        place = str(self.folder)
        return any(place in word for word in process.cmdline()) or place in process.environ().get("TMPDIR", "")

    def parts(self) -> list[Part]:
        """The processes that the launcher started, and theirs; roles are unique but for equal workers."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                in_session = os.getsid(process.pid) == self.launcher_pid and process.pid != self.launcher_pid
                if in_session and process.cmdline():  # who is just dying has none any more
                    unit_pid = os.getpgid(process.pid)
                    own = "unit" if process.pid == unit_pid else "child"
                    found.append(Part(process.pid, f"{own} {_command(process)}", unit_pid))
        return found


def _person(folder: Path) -> list[str]:
    """Make nobody a person with a login shell, for the processes started by this and for no others.

    The name is another one, for nss-systemd says that nobody's account is locked.

    ``PDEATHSIG`` and signals reach the demo, for each of these words becomes the next one.
    """
    users = folder / "passwd"
    lines = Path("/etc/passwd").read_text().splitlines(keepends=True)
    person = f"somebody:x:{NOBODY}:{NOBODY}::/:/bin/sh\n"
    users.write_text("".join(person if one.startswith("nobody:") else one for one in lines))
    users.chmod(0o644)
    inside = 'mount --bind "$0" /etc/passwd && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", inside, str(users), "setpriv"]


def _command(process: psutil.Process) -> str:
    words = process.cmdline() or [process.name()]
    if "-m" in words:
        return words[words.index("-m") + 1]
    return Path(words[0]).name if words[0].startswith("/") else " ".join(words).strip()


def _readable_copy(target: Path) -> Path:
    """The program where another user can read it, wherever the checkout lies."""
    for part in ("appliance", "etc"):
        shutil.copytree(ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A short folder that everybody may enter; short, for names of sockets have 107 bytes at the most."""
    folder = Path(tempfile.mkdtemp(prefix="ss-demo-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def paths_outside() -> Mapping[str, frozenset[str]]:
    """What is there in the places where Debian's own slapd and Dovecot keep their things.

    But for the folder that all who run an sshd share: who is the last of them takes it away (``appliance.demo.sshd``).
    """
    places = ("/etc/dovecot", "/etc/ldap", "/run", "/var/lib/dovecot", "/var/lib/ldap", "/var/mail", "/dev/shm")
    return {place: frozenset(os.listdir(place)) - {"sshd"} for place in places if os.path.isdir(place)}
