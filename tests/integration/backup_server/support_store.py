"""A backup server's store with its committer behind a socket, and a school that sends as rsync does. No sshd.

May live here: starting the real programs, and what a school's server would say. May not: what a test expects. As root
the school is a user of its own (a bare number), otherwise the one user there is.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from appliance.backup_server import store
from appliance.backup_server.attributes import FILTERS
from appliance.backup_server.forgotten import forgotten
from appliance.backup_server.lines import line_of_living, line_of_stored
from appliance.backup_server.manifest import Entry, Index, Section, digest
from appliance.backup_server.settings import load

TREE = Path(__file__).resolve().parents[3]
AS_ROOT = os.geteuid() == 0
UID = 21000 if AS_ROOT else os.geteuid()
PYTHON = (sys.executable, "-P", "-m", "appliance.backup_server")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin", "PYTHONPATH": str(TREE), "PYTHONDONTWRITEBYTECODE": "1"}


def as_user(uid: int) -> list[str]:
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"] if AS_ROOT else []


class Server:
    """The backup server: settings, a store in ``root``, a committer while started."""

    def __init__(self, folder: Path, root: Path, keep: str = "") -> None:
        self.folder, self.root = folder, root
        self.conf = folder / "server.conf"
        self.conf.write_text(f"[store]\nfolder = {root}\nsocket = {folder}/committer.sock\n[keep]\n{keep}\n")
        self.settings = load(self.conf)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [*PYTHON, "--settings", str(self.conf), "committer"]
        setenv = [word for name, value in _ENVIRONMENT.items() for word in ("-E", f"{name}={value}")]
        self._process = subprocess.Popen(
            ["systemd-socket-activate", "--accept", "--inetd", *setenv, "-l", str(self.settings.socket), *words],
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
        )
        assert self._process.stderr is not None
        assert b"Listening" in self._process.stderr.readline()
        self.settings.socket.chmod(0o666)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None

    def school(self, name: str = "goethe", uid: int = UID) -> School:
        return School(self, name, uid)

    def committing(self, school: str) -> Committing:
        """A committer that root asks for a commit of ``school``."""
        mine, its = socket.socketpair()
        with its:
            process = subprocess.Popen(
                [*PYTHON, "--settings", str(self.conf), "committer"], stdin=its, env=_ENVIRONMENT
            )
        mine.sendall(json.dumps({"action": "commit", "school": school}).encode() + b"\n")
        return Committing(process, mine)


class Committing:
    """One commit under way, which can be killed."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self.process, self._connection = process, connection

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._connection.close()

    def last(self) -> dict[str, object]:
        """What it says in the end."""
        with self._connection, self._connection.makefile("rb") as file:
            said = [json.loads(line) for line in file]
        self.process.wait()
        return said[-1]


class School:
    """A school's server: living files in ``data``, and what it knows of them."""

    def __init__(self, server: Server, name: str, uid: int) -> None:
        self.server, self.name, self.uid = server, name, uid
        self.place = store.prepare(server.settings, name, uid, uid)
        self.data = server.folder / f"data-{name}"
        for part in ("homes", "groups", "mail", "audit"):
            (self.data / part).mkdir(parents=True, exist_ok=True)
        self.salts: dict[tuple[str, str], str] = {}
        self.known: set[bytes] = set()
        self.shell = server.folder / f"shell-{name}"
        told = shlex.join([*as_user(uid), *PYTHON, "--settings", str(server.conf), "receiver", name])
        self.shell.write_text(
            "#!/bin/sh\nshift\n"
            f'export SSH_ORIGINAL_COMMAND="$*" PYTHONPATH={TREE} PYTHONDONTWRITEBYTECODE=1\nexec {told}\n'
        )
        self.shell.chmod(0o755)

    def ask(self, words: str, *more: str) -> subprocess.CompletedProcess[bytes]:
        argv = [*as_user(self.uid), *PYTHON, "--settings", str(self.server.conf), "receiver", self.name, *more]
        return subprocess.run(
            argv, env={**_ENVIRONMENT, "SSH_ORIGINAL_COMMAND": words}, stdin=subprocess.DEVNULL, capture_output=True
        )

    def receiving(self, words: str) -> subprocess.Popen[bytes]:
        """What our key runs over there for ``words``, spoken to by pipes."""
        argv = [*as_user(self.uid), *PYTHON, "--settings", str(self.server.conf), "receiver", self.name]
        environment = {**_ENVIRONMENT, "SSH_ORIGINAL_COMMAND": words}
        return subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def answer(self, words: str) -> list[dict[str, object]]:
        done = self.ask(words)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def units(self) -> Iterator[tuple[str, str]]:
        for part in ("homes", "groups", "mail"):
            yield from ((part, name) for name in sorted(os.listdir(self.data / part)))
        if os.listdir(self.data / "audit"):
            yield "audit", "."

    def sections(self) -> dict[str, Section]:
        """What is living now, by the names of the sections."""
        found = {}
        for part, unit in self.units():
            entries = walked(self.data / part, os.fsencode(unit), lambda *said: line_of_living(*said)[0])
            salt = self.salts.setdefault((part, unit), secrets.token_hex(16))
            section = Section.of(part, unit, None, salt, entries)
            found[digest(section.encode())] = section
        return found

    def send(self, part: str, source: Path, paths: Sequence[bytes], *words: str) -> subprocess.CompletedProcess[bytes]:
        """Rsync as a school's server runs it."""
        filters = [f"--filter={one}" for one in FILTERS]
        argv = ["rsync", "-aHAXS", "--numeric-ids", "--files-from=-", "--from0", *filters, *words]
        return subprocess.run(
            [*argv, "-e", str(self.shell), f"{source}/", f"host:incoming/{part}/"],
            input=b"".join(path + b"\0" for path in paths),
            capture_output=True,
        )

    def begin(self) -> str | None:
        return self.answer("begin")[0]["base"]  # type: ignore[return-value]

    def transfer(self, *words: str, dump: bytes | None = b"sealed") -> None:
        """Begin, and send what the newest snapshot has not."""
        base = self.begin()
        known = set() if base is None else self.lines(base)
        sections = self.sections()
        fresh: dict[str, list[bytes]] = {}
        for section in sections.values():
            for line in section.lines:
                if (section.part, section.unit, line) not in known:
                    path = Entry.read(line).path
                    above = os.fsencode(section.unit)
                    fresh.setdefault(section.part, []).append(above if path == b"." else above + b"/" + path)
        for part, paths in fresh.items():
            done = self.send(part, self.data / part, paths, *words)
            assert done.returncode == 0, done.stderr
        index = Index(
            self.name,
            "2026-01-01T00:00:00Z",
            base,
            digest(dump) if dump else None,
            frozenset((section.part, name) for name, section in sections.items()),
        )
        self.manifest(index.encode(), {name: section.encode() for name, section in sections.items()}, dump)

    def manifest(self, index: bytes, sections: dict[str, bytes], dump: bytes | None = None) -> None:
        """Send these bytes as manifest and dump."""
        with tempfile.TemporaryDirectory(dir=self.server.folder) as name:
            folder = Path(name)
            (folder / "sections").mkdir()
            (folder / "index").write_bytes(index)
            (folder / "index.sig").write_bytes(b"signature")
            for section, content in sections.items():
                (folder / "sections" / section).write_bytes(content)
            if dump is not None:
                (folder / "dump.age").write_bytes(dump)
            paths = [path.relative_to(folder).as_posix().encode() for path in folder.rglob("*")]
            assert self.send("manifest", folder, paths).returncode == 0

    def commit(self) -> dict[str, object]:
        return result(self.answer("commit"))

    def copy(self) -> str:
        """A whole run; gives the snapshot's name."""
        self.transfer()
        return str(self.commit()["snapshot"])

    def at_rest(self) -> contextlib.AbstractContextManager[int]:
        """Hold the school's lock alone, once the transfer or commit just before has let go (a commit answers first)."""
        return self.place.locked(exclusive=True, seconds=60)

    def lines(self, snapshot: str) -> set[tuple[str, str, bytes]]:
        """All that a snapshot promises, without reading a file."""
        folder = self.place.snapshots / snapshot
        index = Index.decode((folder / "index").read_bytes())
        gone = forgotten(self.place.folder)
        there = sorted(name for _, name in index.sections if name not in gone)
        sections = [Section.decode((folder / "sections" / name).read_bytes()) for name in there]
        return {(section.part, section.unit, line) for section in sections for line in section.lines}

    def stored(self, snapshot: str, only: Collection[str] | None = None) -> set[tuple[str, str, bytes]]:
        """All that a snapshot holds, or ``only`` these units, every file read."""
        folder = self.place.snapshots / snapshot
        found = set()
        for part in ("homes", "groups", "mail", "audit"):
            names = os.listdir(folder / part) if part != "audit" else ["."] * bool(os.listdir(folder / part))
            for unit in (name for name in names if only is None or name in only):
                entries = walked(folder / part, os.fsencode(unit), line_of_stored)
                found |= {(part, unit, entry.line()) for entry in entries}
        return found

    def at_work(self) -> list[str]:
        """What a commit has left, but for what is linked for the next one."""
        return [name for name in os.listdir(self.place.work) if name != "linking" and not name.startswith("ready-")]

    def linked_ahead(self) -> list[Path]:
        """What is linked for the next commit."""
        return list(self.place.work.glob("ready-*"))

    def check(self) -> list[str]:
        """Every snapshot holds just what it promises; gives their names."""
        for name in self.place.names():
            stored, lines = self.stored(name), self.lines(name)
            assert (stored - lines, lines - stored) == (set(), set())
            assert (self.place.snapshots / name / "lacking").read_bytes() == b""
        return self.place.names()


def result(said: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a commit that said so much came to."""
    (found,) = (line["result"] for line in said if "result" in line)
    return found


def walked(above: Path, unit: bytes, line: Callable[[int, bytes, bytes], Entry]) -> list[Entry]:
    """The entries of a unit, by whichever way to read one."""
    root = os.fsencode(above)
    held = os.open(root, os.O_RDONLY)
    try:
        found = [line(held, unit, b".")]
    finally:
        os.close(held)
    top = os.path.normpath(os.path.join(root, unit))
    for folder, _, _, descriptor in os.fwalk(top):
        for name in os.listdir(os.fsencode(folder)):
            path = os.path.relpath(os.path.join(os.fsencode(folder), name), top)
            found.append(line(descriptor, name, path))
    return found


def furnish(found: Path) -> None:
    """Fill a home with a little of everything."""
    (found / "Mathe" / "tief").mkdir(parents=True)
    (found / "Leer").mkdir()
    (found / "brief.odt").write_bytes(b"Lieber Opa")
    (found / "Mathe" / "blatt.odt").write_bytes(b"1 + 1")
    (found / "Mathe" / "tief" / "loesung").write_bytes(b"2")
    (found / "link").symlink_to("/etc/passwd")
    (found / "zwei").write_bytes(b"doppelt")
    (found / "zwei.auch").hardlink_to(found / "zwei")
    (found / "loch").write_bytes(b"")
    with (found / "loch").open("r+b") as file:
        file.truncate(10_000_000)
    with open(bytes(found) + b"/n\xffme\nneu\\", "wb") as file:
        file.write(b"?")


@contextlib.contextmanager
def server(root: Path | None = None, keep: str = "") -> Iterator[Server]:
    """A started one, in ``root`` or in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    folder.chmod(0o755)
    found = Server(folder, root or folder / "copies", keep)
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder)
