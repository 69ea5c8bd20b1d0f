"""The probe of the drives over SMB: puts a file into its home, gets it back, compares it, deletes it; with smbclient.

May live here: that exchange with the Samba on this machine, and what its answers mean. May not: anything about the
domain itself (``probe_domain``). Blocking. Never logs or raises an address, a login or a name; the password reaches
smbclient by a pipe.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword

_SHARE: Final = "//127.0.0.1/Home"
_SIZE: Final = 8 * 1024
_LOOPBACK: Final = "--option=interfaces=127.0.0.1/8"
"""Or smbclient asks the kernel for all interfaces by netlink, which the supervisor may not speak, and gives up."""
_DOOR: Final = "the share does not open: see the unit smb, and journalctl -u schoolserver-smb"
_MEANINGS: Final[dict[str, tuple[str | None, str]]] = {
    "NT_STATUS_CONNECTION_REFUSED": ("domain", "no answer; see journalctl -u schoolserver-domain"),
    "NT_STATUS_IO_TIMEOUT": ("domain", "no answer in time; see journalctl -u schoolserver-domain"),
    "NT_STATUS_CONNECTION_DISCONNECTED": ("domain", "the line broke; see journalctl -u schoolserver-domain"),
    "NT_STATUS_BAD_NETWORK_NAME": ("smb", _DOOR),
    "tree connect failed: NT_STATUS_ACCESS_DENIED": ("smb", _DOOR),
    "NT_STATUS_DISK_FULL": (None, "there is no room, or the limit of a file is too low for the probe"),
}


def probe_shares(visitor: Visitor) -> None:
    """Move a few KiB to the disk and back; raises :class:`ProbeFailed`."""
    name, content = f"probe-{os.urandom(8).hex()}", os.urandom(_SIZE)
    with _file(content) as sent, _file(_account(visitor)) as account:
        commands = f'put /proc/self/fd/{sent} "{name}"; get "{name}" -; del "{name}"'
        try:
            done = subprocess.run(
                (
                    *("smbclient", _SHARE, "--configfile=/dev/null", f"--authentication-file=/proc/self/fd/{account}"),
                    *(_LOOPBACK, f"--timeout={visitor.timeout:.0f}", "--use-kerberos=off", "--command", commands),
                ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=3 * visitor.timeout,
                env={"LC_ALL": "C", "PATH": os.defpath},
                pass_fds=(sent, account),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ProbeFailed("domain", "SMB: no answer in time") from None
        except OSError as problem:
            raise ProbeFailed(None, "SMB: smbclient is missing; get it with: apt install smbclient") from problem
    said = (done.stderr + done.stdout.replace(content, b"")).decode("utf-8", "replace")
    if done.returncode or "NT_STATUS_" in said:
        raise _explained(said)
    if content not in done.stdout:
        raise ProbeFailed("domain", "SMB: the file that came back is not the one stored")


def _account(visitor: Visitor) -> bytes:
    workgroup = visitor.settings.domain.workgroup
    return f"username = {visitor.login}\npassword = {visitor.password.reveal()}\ndomain = {workgroup}\n".encode()


def _explained(said: str) -> ProbeFailed:
    """What smbclient's words mean; they may name what nobody should read, so only a known status is repeated."""
    if "NT_STATUS_LOGON_FAILURE" in said or "NT_STATUS_PASSWORD" in said:
        return WrongPassword(None, "SMB: the sign-in was refused")
    unit, text = next((means for sign, means in _MEANINGS.items() if sign in said), (None, ""))
    status = said.partition("NT_STATUS_")[2].partition(" ")[0].split("\n")[0][:40]
    return ProbeFailed(unit, f"SMB: {text or f'answered {status or chr(63)}'}")


@contextmanager
def _file(content: bytes) -> Iterator[int]:
    """A file in memory: its descriptor."""
    descriptor = os.memfd_create("probe")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
