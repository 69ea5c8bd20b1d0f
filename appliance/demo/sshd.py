"""The demo's second place: a real sshd on a loopback port that knows one key, and runs one command for it.

It stands for another machine, so the launcher knows nothing of it. May live here: its keys, its configuration,
its life. May not: making or reading a copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from appliance.backup import recovery_key
from appliance.backup.intent import own_folder
from appliance.backup.own_key import Candidate
from appliance.backup.pair import trust
from appliance.backup_server.ssh_key import checked
from appliance.daemon.whole_file import write_whole
from appliance.demo import committer
from appliance.settings.load import Settings

PORT = 2022
"""Preferred port on 127.0.0.1."""

_SSHD = "/usr/sbin/sshd"
_EMPTY = Path("/run/sshd")  # where sshd shuts in the part of itself that meets strangers; Debian's unit makes it, 0755
_OURS = 0o700  # how it is when we made it
_NO_SHELL = ("nologin", "false")
_UP_WITHIN = 10.0
_END_WITHIN = 5.0
_LOOK_EVERY = 0.02


def has_shell(shell: str) -> bool:
    """Whether sshd can run a command for a user with this login ``shell``; accounts of services have none."""
    return Path(shell).name not in _NO_SHELL and os.access(shell or "/bin/sh", os.X_OK)


def settings_for(port: int) -> dict[str, object]:
    """What backup.yaml says about a second place on ``port``: nothing for a user for whom sshd cannot run anything."""
    if not has_shell(pwd.getpwuid(os.geteuid()).pw_shell):
        return {}
    return {"target": f"{_user()}@127.0.0.1", "port": port, "timeout": "5 s"}


@contextlib.contextmanager
def second_place(state: Path, settings: Settings, program: Path) -> Iterator[Path]:
    """Run the second place below ``state`` and make it known to the school's server, and that to it.

    ``program`` is the folder in which the package ``appliance`` is. Gives the folder of the snapshots; raises
    ``OSError``.
    """
    folder = state / "second-place"
    if settings.backup.target is None:
        yield folder
        return
    own = own_folder(settings)
    own.make()
    place = committer.prepare(folder, own.runtime / "committer")  # where a socket's path is short enough
    config = _configure(folder, settings, program)
    with committer.running(place, folder, program), _listening(config, folder, settings.backup.port):
        yield place.snapshots


@contextlib.contextmanager
def _listening(config: Path, folder: Path, port: int) -> Iterator[None]:
    # setpriv: should the demo be killed, its sshd ends, too.
    argv = ("/usr/bin/setpriv", "--pdeathsig", "TERM", _SSHD, "-D", "-f", str(config), "-E", str(folder / "sshd.log"))
    with _empty_folder():
        server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True)
        try:
            _wait_until_up(server, port)
            yield
        finally:
            sessions = psutil.Process(server.pid).children(recursive=True)
            server.terminate()
            server.wait()
            psutil.wait_procs(sessions, _END_WITHIN)


def _configure(folder: Path, settings: Settings, program: Path) -> Path:
    host_key = folder / "host_key"
    if not host_key.exists():
        argv = ("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "second-place", "-f", str(host_key))
        subprocess.run(argv, stdin=subprocess.DEVNULL, check=True)
    trust(settings, "127.0.0.1", settings.backup.port, _public(host_key.with_suffix(".pub")))
    with Candidate(own_folder(settings)) as mine:
        mine.keep()
    receiver = committer.command(folder, program, f"receiver {committer.SCHOOL}")
    authorized = folder / "authorized_keys"
    authorized.write_text(
        f'restrict,command="{receiver}" {mine.public}\n'
        f'restrict,command="{receiver} --read-only" {_recovery(folder, settings)}\n',
        encoding="utf-8",
    )
    authorized.chmod(0o644)
    config = folder / "sshd_config"
    lines = {
        "ListenAddress": f"127.0.0.1:{settings.backup.port}",
        "HostKey": f'"{host_key}"',
        "AuthorizedKeysFile": f'"{authorized}"',
        "AllowUsers": _user(),
        "AuthenticationMethods": "publickey",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitTTY": "no",
        "PermitUserRC": "no",
        "DisableForwarding": "yes",
        "PidFile": "none",
        "PrintMotd": "no",
        # Folders like /var/tmp above the demo's own are open to all; the file itself is not.
        "StrictModes": "no",
        # So bash does not read the user's own ~/.bashrc before each question, which may be slow or say something.
        "SetEnv": "SHLVL=1",
        # Without PAM a root whose password is locked could not come in by key either.
        "UsePAM": "yes" if _locked() else "no",
    }
    config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()), encoding="utf-8")
    return config


def _recovery(folder: Path, settings: Settings) -> str:
    """Make the recovery key; in a demo its private half lies there instead of on a sheet. Gives the public half."""
    own, kept = own_folder(settings), folder / "recovery"
    if not (own.recovery.exists() and kept.exists()):
        key = recovery_key.new()
        write_whole(kept, key.openssh_private(), 0o600)
        write_whole(own.recovery, f"{key.public_line}\n".encode("ascii"), 0o644)
    return own.recovery.read_text(encoding="ascii").strip()


def _public(path: Path) -> str:
    return checked(path.read_text(encoding="ascii").strip())


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _locked() -> bool:
    try:
        shadow = Path("/etc/shadow").read_text(encoding="utf-8")
    except OSError:
        return False
    return any(line.startswith(f"{_user()}:!") for line in shadow.splitlines())


@contextlib.contextmanager
def _empty_folder() -> Iterator[None]:
    """Keep what sshd needs when root starts it; the last of all demos takes away what one of them made."""
    if os.geteuid() != 0:
        yield
        return
    folder = _shared_empty_folder()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # another demo has it, or it went without us
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stat.S_IMODE(os.fstat(folder).st_mode) == _OURS:
                _EMPTY.rmdir()
        os.close(folder)


def _shared_empty_folder() -> int:
    """Open the folder, made if it is missing, under a lock without which nobody takes it away."""
    while True:
        with contextlib.suppress(FileExistsError):
            _EMPTY.mkdir(mode=_OURS)
        with contextlib.suppress(FileNotFoundError):  # it was taken away just before
            folder = os.open(_EMPTY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(folder, fcntl.LOCK_SH)
            if os.fstat(folder).st_nlink:
                return folder
            os.close(folder)


def _wait_until_up(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _UP_WITHIN
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), _UP_WITHIN):
            return
        if server.poll() is not None:
            raise OSError(f"the second place's sshd ended with {server.returncode}; its log lies beside its keys")
        if time.monotonic() > deadline:
            raise OSError(f"the second place's sshd does not answer on port {port}")
        time.sleep(_LOOK_EVERY)
