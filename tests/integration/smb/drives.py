"""The domain's real Samba with the shares as rendered, and their real door; the test itself publishes. Root only."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from appliance.daemon.request_client import BlockingClient
from appliance.daemon.snapshot_file import write_snapshot
from appliance.directory.short import short_name
from appliance.fileshare.smb.render import places, render_shares
from appliance.policy.account import Account, Group, GroupKind, Role
from appliance.policy.audience import for_audience
from appliance.policy.decision import Limits
from appliance.policy.lessons import Lesson
from appliance.policy.limits import LimitTable
from appliance.policy.snapshot import Snapshot, Version, encode
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from appliance.usage.ledger import Usage
from appliance.usage.weight import weight
from tests.integration.demo.waiting import eventually
from tests.integration.support_daemon import Daemon
from tests.integration.support_domain import RunningDomain, start_domain
from tests.integration.support_parts import PASSWORD, person
from tests.integration.support_place import ROOT
from tests.unit.debian import reading

FRED, LONG, FRIDA = "fred.mustermann", "maximilian.mustermann-schmidt", "frida.lehrer"
CLASS, STAFF = "klasse3a", "kollegium"
LIMIT = 4_000_000
GROUPS = {CLASS: Group(CLASS, GroupKind.CLASS, 30001), STAFF: Group(STAFF, GroupKind.STAFF, 30002)}
PEOPLE = {
    one.login: one
    for one in (
        person(FRED, 20000, Role.PUPIL, groups=(CLASS,)),
        person(LONG, 20001, Role.PUPIL, groups=(CLASS,)),
        person(FRIDA, 20002, Role.TEACHER, groups=(CLASS, STAFF)),
    )
}
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24  # linux/prctl.h
CAPABILITIES = {"CAP_DAC_OVERRIDE": 1, "CAP_SYS_PTRACE": 19, "CAP_SYS_RESOURCE": 24}

T = TypeVar("T")


class Drives:
    """``domain`` serves them, ``door`` watches; clients run inside of the domain's network."""

    def __init__(self, domain: RunningDomain, door: Daemon, log: Path) -> None:
        self.domain, self.door, self.log = domain, door, log
        self.settings = domain.settings
        self.data = self.settings.server.data
        self.socket = self.settings.server.runtime / "smb" / "smb.sock"
        self.usage = Usage(self.settings.server.runtime / "usage")
        self._counter = 0

    def publish(
        self,
        limits: LimitTable | None = None,
        lessons: tuple[Lesson, ...] = (),
        **changes: Mapping[str, Any] | None,
    ) -> None:
        """Publish everybody, with ``changes`` by login (dots as ``__``, dashes as ``_0_``); the door goes by it.

        ``None``: the account is no more.
        """
        self.publish_only(limits, lessons, **changes)
        if self.door.process is not None:
            eventually(lambda: self.ask("standing")["snapshot"] == [1, self._counter])

    def publish_only(
        self,
        limits: LimitTable | None = None,
        lessons: tuple[Lesson, ...] = (),
        **changes: Mapping[str, Any] | None,
    ) -> None:
        """Publish and wait for nobody."""
        self._counter += 1
        named = {name.replace("__", ".").replace("_0_", "-"): change for name, change in changes.items()}
        people: dict[str, Account] = {}
        for name, one in PEOPLE.items():
            change = named.get(name, {})
            if change is not None:
                people[name] = replace(one, **change)
        whole = Snapshot(
            version=Version(1, self._counter),
            audience="supervisor",
            domain=self.settings.school.domain,
            zone=self.settings.school.zone,
            accounts=people,
            groups=GROUPS,
            rules=self.settings.access.rules,
            consents_required=self.settings.access.consents_required,
            limits=limits or LimitTable(Limits(LIMIT, LIMIT)),
            lessons=lessons,
        )
        folder = self.settings.server.runtime / "snapshots"
        write_snapshot(folder / "files.snapshot", encode(for_audience(whole, "files")))

    def reload(self) -> None:
        """Let the door read its settings again, and wait until they act."""
        assert self.door.process is not None
        argv = ["/usr/bin/python3", "-m", "appliance.daemon.reload", str(self.door.process.pid)]
        subprocess.run(argv, check=True, cwd=ROOT)

    def pids(self) -> list[int]:
        """The smbd processes that the door watches, as it keeps them."""
        kept = json.loads((self.settings.server.runtime / "smb" / "sessions.json").read_bytes())
        return sorted({line[0] for line in kept})

    def smbclient(self, share: str, commands: str, user: str = FRED, timeout: float = 60) -> str:
        """Run ``commands`` in ``share``; what smbclient said."""
        argv = [
            "timeout",
            str(timeout),
            "smbclient",
            "-m",
            "SMB3",
            f"//server/{share}",
            "-U",
            f"{user}%{PASSWORD}",
            "-c",
        ]
        done = self.domain.inside([*argv, commands])
        return done.stdout + done.stderr

    def seated(self, share: str = "Home", user: str = FRED) -> contextlib.AbstractContextManager[Seated]:
        """A PC that stays in ``share``."""
        return seated(self.domain, share, user, PASSWORD)

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask the door as root."""
        client = BlockingClient(self.socket, 10)
        try:
            return client.call(verb, **arguments)
        finally:
            client.close()

    def links(self, share: str) -> list[str]:
        """The names in the folder of links of ``share``."""
        return [link.name for link in (self.socket.parent / share).iterdir()]

    def home(self, login: str = FRED) -> Path:
        return self.data / "homes" / login

    def group(self, name: str = CLASS) -> Path:
        return self.data / "groups" / name

    def local(self, name: str, size: int) -> Path:
        """A file of ``size`` bytes on the PC."""
        path = self.data.parent / "pc" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(size))
        return path

    def counted(self, login: str = FRED) -> int:
        """Bytes of files that the ledger has for ``login``."""
        self.usage.refresh()
        return self.usage.parts(PEOPLE[login].uid)[1]

    def settle(self, login: str = FRED) -> None:
        """Come and go once, and wait until what lies in the home is what the ledger says."""
        self.smbclient("Home", "ls", short_name(login))
        eventually(lambda: self.counted(login) == self.lies(login))

    def lies(self, login: str = FRED) -> int:
        """Bytes that the files in the home of ``login`` weigh."""
        return sum(weight(one.stat().st_size) for one in self.home(login).iterdir())

    def empty(self) -> None:
        """Take everything out of homes and groups."""
        for place in (*(self.home(login) for login in PEOPLE), *(self.group(name) for name in GROUPS)):
            for entry in place.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        waiting = self.ask("cuts")["cuts"]
        self.ask("cuts-told", ids=[one["id"] for one in waiting])


class Seated:
    """A PC that stays in a share; see ``pc.py`` for its commands."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.here()

    def __call__(self, *command: str | int) -> Any:
        """Run one command; what came out."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()
        assert select.select([self._process.stdout], [], [], 30)[0], f"no answer to {command[0]}"
        return json.loads(self._process.stdout.readline())

    def here(self) -> bool:
        """Whether the session is still open."""
        return isinstance(self("list"), list)

    def put(self, path: Path, name: str) -> bool:
        """Put ``path`` there as a PC does, which comes back by itself after an end; whether there was room."""
        done = self("put", str(path), name)
        if isinstance(done, dict) and "disconnected" in done["error"]:
            self("again")
            done = self("put", str(path), name)
        assert done is True or "disk was full" in done["error"], done
        return done is True


@contextlib.contextmanager
def seated(domain: RunningDomain, share: str, login: str, password: str) -> Iterator[Seated]:
    """A PC in the network of ``domain``, at which ``login`` has signed in and stays in ``share``."""
    program = ["/usr/bin/python3", str(Path(__file__).with_name("pc.py"))]
    argv = domain.network.argv([*program, str(domain.place.config), short_name(login), password, share])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Seated(process)
        finally:
            process.kill()


@contextlib.contextmanager
def running_drives() -> Iterator[Drives]:
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder)
        domain = stack.enter_context(start_domain(folder, started=False))
        server = domain.settings.server
        for name, mode in (
            ("run", 0o755),
            ("run/smb", 0o755),
            ("run/snapshots", 0o755),
            ("state", 0o755),
            ("state/smb", 0o711),
            ("srv", 0o755),
        ):
            folder.joinpath(name).mkdir(parents=True, exist_ok=True)
            folder.joinpath(name).chmod(mode)
        (server.data / "homes").mkdir(mode=0o711)
        (server.data / "groups").mkdir(mode=0o755)
        for one in PEOPLE.values():
            Homes(server.data / "homes").make(one.login, one.uid, one.uid)
        for group in GROUPS.values():
            Groups(server.data / "groups").make(group.name, group.gid)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(server.runtime / "smb" / "smb.sock"))
        (server.runtime / "smb" / "smb.sock").chmod(0o666)
        listener.listen(128)
        log = folder / "log"
        user = {"preexec_fn": keep_rights_of_the_unit}
        door = Daemon("appliance.fileshare.smb", domain.settings, log, {"smb": listener}, user)
        drives = Drives(domain, door, log)
        drives.publish()
        door.start()
        stack.callback(door.stop)
        domain.place.shares.write_text(render_shares(places(domain.settings)))
        domain.start()
        _fill(domain)
        yield drives


def keep_rights_of_the_unit() -> None:
    """Give up what the installed unit does not have of root's rights: whoever is executed from here on lacks it."""
    said = reading.values(reading.unit("schoolserver-smb.service"), "Service", "CapabilityBoundingSet")
    kept = {CAPABILITIES[name] for name in said}
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    number = 0
    while prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        if number not in kept:
            assert prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0
        number += 1


def _fill(domain: RunningDomain) -> None:
    """Put the people and groups into the domain, with their numbers and short names."""
    tool = ["samba-tool"]
    config = ["-s", str(domain.place.config)]
    for login, one in PEOPLE.items():
        numbers = [f"--uid-number={one.uid}", "--gid-number=30001"]
        _run(domain, [*tool, "user", "create", short_name(login), PASSWORD, *numbers, *config])
    for name, group in GROUPS.items():
        _run(domain, [*tool, "group", "add", name, f"--gid-number={group.gid}", "--nis-domain=schule", *config])
        members = ",".join(short_name(login) for login, one in PEOPLE.items() if name in one.groups)
        _run(domain, [*tool, "group", "addmembers", name, members, *config])


def _run(domain: RunningDomain, argv: list[str]) -> None:
    done = domain.inside(argv)
    assert done.returncode == 0, done.stdout + done.stderr
