"""Starting one process: the way from the launcher's own process to another program under another user.

May live here: what happens between fork and exec. The launcher is single-threaded, so the child may run Python until
then; it still touches nothing but system calls. May not: deciding what is started, or when.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from appliance.daemon.identities import Identity

_FIRST_LISTENER = 3
_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 8192
_MANY_FILES = 1 << 20
_RESET = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Program:
    """What to start.

    ``environment`` is complete but for LISTEN_PID and WATCHDOG_PID; ``listeners`` are descriptors that become
    3, 4, ...; ``output`` is the descriptor for stdout and stderr; ``identity`` is taken on when started by root, and
    must be the caller's own otherwise; ``parent_death`` is the signal it gets when the launcher dies.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    identity: Identity
    output: int
    parent_death: signal.Signals
    umask: int
    listeners: tuple[int, ...] = field(default=())


def spawn(program: Program) -> int:
    """Start ``program`` in a process group of its own and return its pid.

    Raises ``OSError`` when it cannot be started, ``PermissionError`` among them when the identity cannot be taken on.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(program, parent, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        failure = pipe.read()
    if failure:
        os.waitpid(pid, 0)
        number = int(failure)
        raise OSError(number, f"cannot start {program.argv[0]}: {os.strerror(number)}")
    return pid


def _become(program: Program, parent: int, failure: int) -> NoReturn:
    """Turn this forked process into ``program``; on an error write its number to the pipe ``failure`` and end."""
    try:
        signal.set_wakeup_fd(-1)
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setpgid(0, 0)
        os.umask(program.umask)
        os.chdir("/")
        failure = _arrange(program, failure)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold passwords and mail
        _take_on(program.identity)
        # the kernel forgets this signal when the user changes, so it is set last
        if _libc.prctl(_PR_SET_PDEATHSIG, int(program.parent_death), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != parent:
            os._exit(0)
        own = str(os.getpid())
        environment = dict(program.environment)
        if program.listeners:
            environment["LISTEN_PID"] = own
        if "WATCHDOG_USEC" in environment:
            environment["WATCHDOG_PID"] = own
        os.execve(program.argv[0], program.argv, environment)  # noqa: S606 - the argv comes from our own table
    except OSError as error:
        os.write(failure, str(error.errno or 0).encode())
    finally:
        os._exit(127)


def _arrange(program: Program, failure: int) -> int:
    """Give descriptors their places and close all others; return where the pipe ``failure`` is now."""
    count = len(program.listeners)
    above = _FIRST_LISTENER + count + 1
    kept = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, above) for one in (*program.listeners, program.output, failure)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(kept[count], 1)
    os.dup2(kept[count], 2)
    for place, one in enumerate(kept[:count], _FIRST_LISTENER):
        os.dup2(one, place)
        os.set_blocking(place, True)
    os.dup2(kept[-1], above - 1, inheritable=False)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(above, _MANY_FILES if limit == resource.RLIM_INFINITY else limit)
    return above - 1


def _take_on(identity: Identity) -> None:
    if os.geteuid() != 0:
        if identity.uid != os.geteuid():
            raise PermissionError(1, "only root can start a unit as another user")
        return
    if identity.uid == 0:
        return
    os.setgroups(identity.groups)
    os.setresgid(identity.gid, identity.gid, identity.gid)
    os.setresuid(identity.uid, identity.uid, identity.uid)
