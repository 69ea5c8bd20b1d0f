"""What else copies a tree at night, each over ssh to this machine: rsync --link-dest, borg, restic.

May live here: their commands as their own manuals advise them. May not: what is copied (``backup_tree``), ours.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bench.backup_tree import Tree
from tests.integration.demo.waiting import eventually
from tests.integration.support_ports import free_port

_SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PermitRootLogin prohibit-password
StrictModes no
SetEnv SHLVL=1
UsePAM no
PidFile none
Subsystem sftp internal-sftp
"""


class Line:
    """An sshd of the benchmark's own at 127.0.0.1, and ``words`` that reach it."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._port = free_port()
        for name in ("host", "key"):
            _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)])
        config = folder / "sshd_config"
        config.write_text(_SSHD.format(port=self._port, folder=folder))
        server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(config), "-E", str(folder / "sshd.log")])
        stack.callback(server.wait)
        stack.callback(server.terminate)
        eventually(self._answers, 10)
        quiet = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
        self.words = ("ssh", "-F", "/dev/null", "-i", str(folder / "key"), "-p", str(self._port), *quiet)

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self._port), 1):
            return True

    @property
    def command(self) -> str:
        """The words as a shell would read them."""
        return shlex.join(self.words)


class Copier(Protocol):
    """One way to copy ``tree``."""

    tree: Tree

    def copy(self) -> None:
        """Make one more copy, all of it on the other side when this returns."""
        ...

    def settle(self) -> None:
        """Wait for what it goes on to do when the copy is made."""
        ...

    def restore(self, path: Path, target: Path) -> None:
        """Bring one file of the newest copy back below ``target``."""
        ...


class _Settled:
    """What is done when its command ends."""

    def settle(self) -> None:
        """Nothing."""


class Rsync(_Settled):
    """Plain rsync --link-dest, a folder for each night."""

    def __init__(self, tree: Tree, source: Path, place: Path, line: Line) -> None:
        self.tree = tree
        self._source, self._place, self._line = source, place, line
        self._numbers = itertools.count(1)
        self._last: str | None = None

    def copy(self) -> None:
        """Link what is the same as yesterday, send the rest."""
        name = f"night{next(self._numbers)}"
        linked = [] if self._last is None else [f"--link-dest=../{self._last}"]
        words = ["rsync", "-aHAX", "--numeric-ids", "-e", self._line.command, *linked]
        _run([*words, f"{self._source}/", f"root@127.0.0.1:{self._place}/{name}/"])
        self._last = name

    def restore(self, path: Path, target: Path) -> None:
        """Fetch it."""
        where = f"root@127.0.0.1:{self._place}/{self._last}/{path}"
        _run(["rsync", "-aHAX", "-s", "--numeric-ids", "-e", self._line.command, where, f"{target}/"])


class Borg(_Settled):
    """Borg without encryption, which would only cost it time."""

    def __init__(self, tree: Tree, source: Path, place: Path, line: Line) -> None:
        self.tree = tree
        self._source = source
        self._repository = f"ssh://root@127.0.0.1{place}/repository"
        self._environment = {
            "BORG_RSH": line.command,
            "BORG_BASE_DIR": str(place),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }
        self._numbers = itertools.count(1)
        _run(["borg", "init", "-e", "none", self._repository], self._environment)

    def copy(self) -> None:
        """Make an archive."""
        name = f"{self._repository}::night{next(self._numbers)}"
        _run(["borg", "create", "--numeric-ids", name, "."], self._environment, self._source)

    def restore(self, path: Path, target: Path) -> None:
        """Extract it from the last archive."""
        listed = _run(["borg", "list", "--short", "--last", "1", self._repository], self._environment)
        _run(["borg", "extract", f"{self._repository}::{listed.strip()}", str(path)], self._environment, target)


class Restic(_Settled):
    """Restic over sftp; it always encrypts."""

    def __init__(self, tree: Tree, source: Path, place: Path, line: Line) -> None:
        self.tree = tree
        self._source = source
        secret = place / "password"
        secret.write_text("only for the benchmark\n")
        over = f"sftp.command={line.command} root@127.0.0.1 -s sftp"
        self._words = ["restic", "-q", "-o", over, "-r", f"sftp:root@127.0.0.1:{place}/repository"]
        self._environment = {"RESTIC_PASSWORD_FILE": str(secret), "RESTIC_CACHE_DIR": str(place / "cache")}
        _run([*self._words, "init"], self._environment)

    def copy(self) -> None:
        """Make a snapshot."""
        _run([*self._words, "backup", "."], self._environment, self._source)

    def restore(self, path: Path, target: Path) -> None:
        """Restore it from the latest snapshot."""
        _run([*self._words, "restore", "latest", "--target", str(target), "--include", f"/{path}"], self._environment)


def prepared(kind: type[Rsync | Borg | Restic], tree: Tree, source: Path, place: Path, line: Line) -> Copier:
    """Give a copier of ``tree``, which is at ``source``, that has made its first copy already."""
    place.mkdir()
    copier = kind(tree, source, place, line)
    copier.copy()
    return copier


@contextlib.contextmanager
def line(folder: Path) -> Iterator[Line]:
    """Hold the line until the end."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        yield Line(folder, stack)


def _run(words: Sequence[str], more: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8", **(more or {})}
    done = subprocess.run(words, check=False, env=environment, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{words[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout
