"""Postfix as Debian has it, in a place of its own, and the load for both servers: Postfix's smtp-source.

May live here: how the peer is configured, started and ended, and how mail is sent. May not: what is measured. It needs
neither the machine's own Postfix nor its settings. It accepts mail of anybody, asks no DNS, and writes no log, since
there is no syslog in its place. What it accepted is either discarded, which is all it can do at its cheapest, or put
into a Maildir, as ours is.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.cores import LOAD, SERVER, on
from tests.integration.support_ports import free_port

_BIN = "/usr/lib/postfix/sbin"
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {bin}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.schule.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_tls_security_level = none
smtpd_relay_restrictions = permit_mynetworks, reject
message_size_limit = 100000000
mailbox_size_limit = 0
smtpd_junk_command_limit = 1000000
virtual_mailbox_limit = 0
virtual_mailbox_domains = schule.example
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_transport = {transport}
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
"""
_PATIENCE = 300
_QUIET = 0.3


@dataclass(frozen=True, slots=True)
class Server:
    """A server that takes mail on a ``port`` of this machine, from ``sender`` to ``recipient``.

    ``processes`` are those that it began with; what they started counts too. ``boxes``: where its Maildirs are.
    """

    port: int
    sender: str
    recipient: str
    processes: tuple[int, ...]
    boxes: Path

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        return sum(map(_cpu, self.processes))

    def rate(self, messages: int, size: int, sessions: int, *, kept: bool = True) -> float:
        """Send as :meth:`send` does; the messages accepted a second.

        It begins with empty mailboxes, and what it has left to do afterwards, such as to deliver what it accepted, is
        done before this returns: the next one would be measured beside it.
        """
        for message in self.boxes.rglob("new/*"):
            message.unlink()
        os.sync()
        begun = time.perf_counter()
        self.send(messages, size, sessions, kept=kept)
        rate = messages / (time.perf_counter() - begun)
        before = -1.0
        while (now := self.cpu()) != before:
            before = now
            time.sleep(_QUIET)
        return rate

    def send(self, messages: int, size: int, sessions: int, *, kept: bool = True) -> None:
        """Send so many messages of ``size`` bytes, until all are accepted. ``kept``: over connections that stay."""
        argv = [*on(LOAD), "smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(size)]
        argv += ["-M", "printer.schule.example", "-f", self.sender, "-t", self.recipient]
        argv += [*(["-d"] if kept else []), f"inet:127.0.0.1:{self.port}"]
        subprocess.run(argv, check=True, timeout=_PATIENCE)


@contextlib.contextmanager
def postfix(place: str, sender: str, recipient: str, *, deliver: bool) -> Iterator[Server]:
    """Run it with its queue and boxes below ``place``. Needs root and postfix."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir=place))
    try:
        folder.chmod(0o755)
        etc, port, owner = folder / "etc", free_port(), pwd.getpwnam("postfix")
        for name in ("etc", "queue", "data", "boxes"):
            (folder / name).mkdir()
        for name in ("data", "boxes"):
            os.chown(folder / name, owner.pw_uid, owner.pw_gid)
        transport = "virtual" if deliver else "discard"
        (etc / "main.cf").write_text(
            _MAIN.format(folder=folder, bin=_BIN, uid=owner.pw_uid, gid=owner.pw_gid, transport=transport)
        )
        (etc / "master.cf").write_text(_MASTER.format(port=port))
        subprocess.run(["postfix", "-c", etc, "check"], check=True, capture_output=True)
        argv = [*on(SERVER), f"{_BIN}/master", "-c", str(etc), "-d"]
        master = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        with _ended_with_us(master):
            _until_it_answers(port, master)
            yield Server(port, sender, recipient, (master.pid,), folder / "boxes")
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _ended_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End it afterwards, also when we are cut off: it changes its user, so the kernel would not do it for us."""
    argv = ["sh", "-c", 'cat; kill "$1"', "sh", str(process.pid)]
    guard = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        guard.communicate()
        process.wait()


def _cpu(pid: int) -> float:
    """Of a process and of its descendants, also those that have ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it has ended since it was listed
        return 0.0
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK") + sum(_cpu(int(child)) for child in children)


def _until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as connection:
            if connection.recv(4) == b"220 ":
                return
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError("postfix does not answer")
