"""The listening sockets of all units: bound once, kept while units come and go, so that no client is ever refused.

May live here: binding, owners and modes of local sockets, and texts that tell the carer what to do when it fails.
May not: accepting a connection.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from appliance.daemon.listeners import BACKLOG
from appliance.supervisor.launcher.unit import LauncherError, TcpListener, UnixListener

PATH_LIMIT = 107


def check_length(unit: str, path: Path) -> None:
    """Raise :class:`LauncherError` if ``path`` is too long for a local socket (107 bytes)."""
    length = len(os.fsencode(path))
    if length > PATH_LIMIT:
        raise LauncherError(
            f"unit {unit}: the path {path} has {length} bytes, a local socket may have {PATH_LIMIT};"
            " choose a shorter runtime folder (server.yaml: runtime)"
        )


def remove(path: Path) -> None:
    """Remove the socket file ``path``, if it is one."""
    try:
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    except FileNotFoundError:
        return


def bind_tcp(unit: str, listener: TcpListener) -> socket.socket:
    """Return the listening socket of ``unit``; raises :class:`LauncherError` that says what to do."""
    where = f"unit {unit} cannot listen on {listener.host}:{listener.port} ({listener.name})"
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(listener.host).version == 6 else socket.AF_INET
    except ValueError as error:
        raise LauncherError(f"{where}: this is no IP address; change {listener.setting}") from error
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(listener.host != "::"))
        sock.bind((listener.host, listener.port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise LauncherError(f"{where}: {_tcp_advice(error, listener)}") from error
    return sock


def _tcp_advice(error: OSError, listener: TcpListener) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                "another program has this port; find it with"
                f" `ss -ltnp 'sport = :{listener.port}'` and stop it, or change {listener.setting}"
            )
        case errno.EACCES:
            return f"ports below 1024 are for root; start as root, or change {listener.setting}"
        case errno.EADDRNOTAVAIL:
            return f"this machine has no such address; change {listener.setting}"
        case _:
            return os.strerror(error.errno or 0)


def bind_unix(unit: str, listener: UnixListener, owner: tuple[int, int]) -> socket.socket:
    """Return the listening socket of ``unit``, its file belonging to ``owner`` (uid, gid); raises as above."""
    check_length(unit, listener.path)
    where = f"unit {unit} cannot listen on {listener.path} ({listener.name})"
    kind = socket.SOCK_SEQPACKET if listener.packets else socket.SOCK_STREAM
    if _answers(listener.path, kind):
        raise LauncherError(
            f"{where}: another server uses this runtime folder; stop it, or change server.yaml: runtime"
        )
    sock = socket.socket(socket.AF_UNIX, kind)
    try:
        remove(listener.path)
        open_socket_file(sock, listener.path, owner, listener.mode)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise LauncherError(f"{where}: {os.strerror(error.errno or 0)}") from error
    return sock


def open_socket_file(sock: socket.socket, path: Path, owner: tuple[int, int], mode: int) -> None:
    """Bind ``sock`` to ``path``, which nobody may use before it has its owner (uid, gid) and mode."""
    _masked(lambda: sock.bind(str(path)))
    if owner != (os.geteuid(), os.getegid()):
        os.chown(path, *owner, follow_symlinks=False)
    path.chmod(mode)


def _masked(act: Callable[[], None]) -> None:
    before = os.umask(0o177)
    try:
        act()
    finally:
        os.umask(before)


def _answers(path: Path, kind: socket.SocketKind) -> bool:
    """Whether somebody listens on ``path``; a file left behind by a server that was killed does not answer."""
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True
