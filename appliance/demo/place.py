"""Where a demo lives: its state folder, settings, ports, certificates and a copy of the program where that is needed.

May live here: everything that must be on disk before the first process starts. May not: starting one.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

import appliance
from appliance.daemon import authority
from appliance.daemon.identities import Identities
from appliance.demo import sshd
from appliance.demo.proof_web import BLOCKED
from appliance.filter.record import folder_of
from appliance.filter.update import Update
from appliance.settings.load import Settings, load
from appliance.settings.names import certified_names

PORTS = {
    "submission": 2587,
    "submissions": 2465,
    "smtp": 2525,
    "imap": 2143,
    "imaps": 2993,
    "ldap": 2389,
    "proxy": 3128,
    "proxy-tls": 3129,
    "ftp": 2121,
    "ftps": 2990,
    "http": 2180,
    "https": 2543,
}
"""Service -> preferred port on 127.0.0.1; another free one is taken where somebody listens there already."""

_LONGEST_STATE = 50
"""Longest path of a state folder below which sockets fit (AF_UNIX paths have 107 bytes)."""
_ROOTS_STATE = Path("/var/tmp/schoolserver-demo")  # noqa: S108 - somebody else's is refused
_WITH_KEYS = ("mail", "imap", "proxy", "fileshare", "autoconfig")
_DOMAIN = "schule.example"
_SITES = (2080, 2443)
"""Preferred ports of the demo's own site, HTTP and HTTPS."""


@dataclass(frozen=True, slots=True)
class Place:
    """A prepared demo: ``settings`` (its folder included), the CA's certificate, where the program is imported from.

    ``runtime`` is set when sockets had to go outside the state folder; it is to be removed at the end.
    """

    settings: Settings
    ca: Path
    program: Path
    runtime: Path | None
    notes: tuple[str, ...]


class ClosedFolder(Exception):
    """The parts could not reach their own files there; the text says what to do."""


def default_state() -> Path:
    """``.demo`` in the working folder; for root in a folder that others may not enter (/root), one in /var/tmp."""
    here = Path(".demo")
    return here if os.geteuid() != 0 or _open_to_all(Path.cwd()) else _ROOTS_STATE


def prepare(state: Path) -> Place:
    """Make or refresh the demo below ``state``; raises :class:`OSError` or :class:`ClosedFolder`."""
    state.mkdir(mode=0o755, parents=True, exist_ok=True)
    if state.stat().st_uid != os.geteuid():
        raise ClosedFolder(f"{state} belongs to somebody else; choose another folder with --state")
    notes = []
    root = os.geteuid() == 0
    if root:
        state.chmod(state.stat().st_mode | 0o711)
        if not _open_to_all(state):
            raise ClosedFolder(
                f"{state} lies in a folder closed to other users, and started by root each part has a number of "
                f"its own; choose another with --state, for example {_ROOTS_STATE}"
            )
    else:
        notes.append("started as an ordinary user: all parts run as this user, so the kernel does not part them")
    runtime = None if len(str(state)) <= _LONGEST_STATE else Path(tempfile.mkdtemp(prefix="schoolserver-"))
    if runtime is not None:
        runtime.chmod(0o755)
        notes.append(f"the path of {state} is too long for sockets, they are in {runtime} until the demo ends")
    _write_settings(state, runtime or state / "run", "numbers" if root else "same")
    settings = load(state / "etc")
    _lists(settings)
    if settings.backup.target is None:
        notes.append("your account has no login shell, so sshd cannot play the second place: no copy is made")
    program = Path(appliance.__file__).resolve().parent.parent
    if root and not _open_to_all(program / "appliance"):
        program = _copy_program(program, state / "program")
    return Place(settings, _keys(state, settings), program, runtime, tuple(notes))


def _open_to_all(folder: Path) -> bool:
    """Whether any user may reach what is in ``folder``."""
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder.resolve(), *folder.resolve().parents))


def _copy_program(source: Path, target: Path) -> Path:
    """A copy of the program that users other than the caller can read; it holds nothing secret."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "appliance", target / "appliance", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def free_ports(preferred: Iterable[int]) -> list[int]:
    """Give a port of 127.0.0.1 for each ``preferred`` one: itself, or where somebody has it another, none twice."""
    with ExitStack() as held:
        return [_held_port(held.enter_context(socket.socket()), port) for port in preferred]


def _held_port(probe: socket.socket, preferred: int) -> int:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", preferred))
    except OSError:
        probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])


def _write_settings(state: Path, runtime: Path, identity: str) -> None:
    folder = state / "etc"
    folder.mkdir(mode=0o755, exist_ok=True)
    backup, *ports = free_ports((sshd.PORT, *_SITES, *PORTS.values()))
    sites, services = ports[: len(_SITES)], ports[len(_SITES) :]
    listen = {name: f"127.0.0.1:{port}" for name, port in zip(PORTS, services, strict=True)}
    files = {
        "school": {"name": "Musterschule (Demo)", "domain": _DOMAIN},
        "network": {"listen": listen, "rooms": {"12": ["10.1.12.0/24"]}},
        "server": {
            "state": str(state / "lib"),
            "runtime": str(runtime),
            "data": str(state / "srv"),
            "identity": identity,
            "launcher": "children",
            "audit_log": "plain",
            "reserve": "50 MB",
        },
        # The demo keeps its passwords in a file: costly hashes would protect nothing, and make the start slow.
        "directory": {"argon2_memory": "8 MiB", "argon2_time": 1},
    }
    files["proxy"] = {
        "exceptions": [f"127.0.0.1:{port}" for port in sites],
    }
    files["web"] = {
        "blocked_categories": {"pupil": ["gambling"]},
        "lists": {"sources": [], "own": {"gambling": [BLOCKED]}},
    }
    files["backup"] = sshd.settings_for(backup)
    for name, content in files.items():
        text = f"# Written anew by each start of the demo; etc/schoolserver/{name}.yaml explains all options.\n"
        (folder / f"{name}.yaml").write_text(text + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _lists(settings: Settings) -> None:
    """The index of the demo's own list; the supervisor may renew it and every service reads it."""
    identities, folder = Identities(settings.server), folder_of(settings.server.state)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    owner = identities.of("supervisor").uid if settings.server.identity != "same" else -1
    os.chown(folder, owner, identities.group("services"))
    folder.chmod(0o2750)
    Update(folder, settings.web.lists, lambda: datetime.now(UTC), lambda *_said: None).run()
    for path in folder.iterdir():
        os.chown(path, owner, -1)


def _keys(state: Path, settings: Settings) -> Path:
    """The demo's own CA and a certificate with key for each service that speaks TLS; gives the CA's certificate."""
    made = authority.ensure_authority(settings.server.state / "authority", settings.school.domain)
    identities = Identities(settings.server)
    here = ("localhost", "127.0.0.1")
    for service in _WITH_KEYS:
        identity = identities.of(service)
        owner = (identity.uid, identity.gid) if settings.server.identity != "same" else None
        names = (*certified_names(settings, service), *here)
        authority.issue(made, settings.server.state / service / "tls", names, owner)
    authority.issue(made, state / "site", here, None)
    public = state / "ca.pem"
    shutil.copyfile(settings.server.state / "authority" / "ca.pem", public)
    public.chmod(0o644)
    return public
