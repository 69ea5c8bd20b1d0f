"""What the launcher knows of a process: the types of its table, and its one error.

May live here: frozen types. May not: which units a school has (``units``), how one is started, or any path of a school.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class LauncherError(Exception):
    """The launcher cannot start; the text tells the carer which unit, what was found and what to do."""


class Readiness(StrEnum):
    """How a unit shows that it serves."""

    NOTIFY = "notify"  # it sends READY=1 to NOTIFY_SOCKET
    CONNECT = "connect"  # its own socket, Unit.ready_socket, takes a connection
    EXEC = "exec"  # it serves the moment it runs


@dataclass(frozen=True, slots=True)
class TcpListener:
    """A TCP port to listen on: ``name`` for LISTEN_FDNAMES, ``host`` an IP address, ``setting`` where it is chosen.

    ``needed``: without it the unit does not start; else it serves on its others, says so, and status is not green. So
    it is with systemd, where nobody may be at hand. Our own launcher starts nothing while any port is taken: whoever
    starts a demo sits before it and reads which.
    """

    name: str
    host: str
    port: int
    setting: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class UnixListener:
    """A local socket to listen on.

    ``owner`` is the service whose user owns it, ``group`` a service or one of the named groups of
    :mod:`appliance.daemon.identities`; ``packets`` asks for SOCK_SEQPACKET instead of a stream.
    """

    name: str
    path: Path
    owner: str
    group: str
    mode: int = 0o660
    packets: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that must exist, with its owner (a service), group (a service or named group) and mode.

    A ``transient`` one is emptied and removed when the launcher stops.
    """

    path: Path
    owner: str
    group: str
    mode: int
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """One process that the launcher starts, watches and stops.

    ``identity`` is the service whose user it runs as; ``prepare`` an argv that runs before each start as the one who
    may do everything (root, or the caller); ``after`` names units that must have been ready, or have failed, once
    before; ``watchdog`` seconds without a sign of life until it is ended (``None``: it gives none); ``ready_socket``
    goes with :attr:`Readiness.CONNECT`; ``reload_signal`` is ``None`` where the program has no reload;
    ``parent_death`` is the signal the kernel sends it when the launcher dies.
    """

    name: str
    argv: tuple[str, ...]
    identity: str
    listeners: tuple[TcpListener | UnixListener, ...] = ()
    folders: tuple[Folder, ...] = ()
    after: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    readiness: Readiness = Readiness.NOTIFY
    ready_socket: Path | None = None
    watchdog: float | None = None
    start_timeout: float = 60.0
    stop_timeout: float = 15.0
    reload_signal: signal.Signals | None = signal.SIGHUP
    parent_death: signal.Signals = signal.SIGKILL
    umask: int = 0o077
