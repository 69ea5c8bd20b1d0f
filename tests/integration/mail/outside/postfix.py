"""A mail server outside: a real Postfix on loopback with its own settings, queue and mailboxes, as root.

May live here: starting, talking to and ending it. May not: what is tested. Nothing of the machine's own Postfix is
used but its programs.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.daemon.authority import ensure_authority, issue
from tests.integration.demo.waiting import eventually
from tests.integration.support_parts import short_folder
from tests.integration.support_place import DOMAIN as SCHOOL
from tests.integration.support_ports import free_port

DOMAIN = "home.example"
BOXES = ("mama", "papa", "oma")
LOST = "lost"
"""Whose mail it takes and then finds a server that does not want it."""
RELAY = "127.0.30.9"
"""From where it connects to others."""
SIZE = 3_000_000

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {programs}
meta_directory = /etc/postfix
shlib_directory = {shared}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = mx.{domain}
mydestination =
local_recipient_maps =
alias_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = regexp:{folder}/boxes
virtual_mailbox_base = {folder}/boxes.d
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
message_size_limit = {size}
smtpd_restriction_classes = slow
slow = sleep 6
smtpd_recipient_restrictions = check_recipient_access regexp:{folder}/access, permit_mynetworks, reject
smtpd_tls_cert_file = {folder}/tls/cert.pem
smtpd_tls_key_file = {folder}/tls/key.pem
smtpd_tls_security_level = encrypt
smtp_tls_security_level = may
smtp_tls_CAfile = {ca}
smtpd_discard_ehlo_keywords = {without}
smtpd_recipient_limit = {recipients}
smtputf8_enable = yes
smtp_bind_address = {bind}
transport_maps = regexp:{folder}/transport
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd -o max_use=1
127.0.0.1:{tls} inet n - n - - smtpd -o max_use=1 -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""
_BOXES = "".join(f"/^{name}@{DOMAIN}$/ {name}/\n" for name in (*BOXES, LOST))


@dataclass
class Postfix:
    """Where it listens (``tls``: TLS from the first byte) and what proves it."""

    folder: Path
    port: int
    tls: int
    ca: Path
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it greets."""
        argv = ["/usr/sbin/postfix", "-c", str(self.folder), "start-fg"]
        with (self.folder / "out").open("ab") as out:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        eventually(self._greets)

    def stop(self) -> None:
        """End it with all its processes."""
        if self._process is None:
            return
        master = self.folder / "spool" / "pid" / "master.pid"
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.kill(int(master.read_text()), signal.SIGTERM)
        self._process.wait(10)
        self._process = None

    def treats(self, **recipients: str) -> None:
        """Answer to RCPT for these local parts so; to all others as ever. It reads that with each connection."""
        lines = (f"/^{name}@/ {reply}\n" for name, reply in recipients.items())
        (self.folder / "access").write_text("".join(lines))

    def boxes(self, name: str) -> list[bytes]:
        """The messages of ``name``."""
        found = (self.folder / "boxes.d" / name / "new").glob("*")
        return [path.read_bytes() for path in sorted(found)]

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
                connection.settimeout(5)
                return connection.recv(100).startswith(b"220")
        except OSError:
            return False


@contextlib.contextmanager
def running_postfix(without: str = "", inner: int | None = None, recipients: int = 1000) -> Iterator[Postfix]:
    """Run one; ``without`` are keywords that it does not offer, ``inner`` the port of the school's own server.

    At most so many ``recipients`` of one message are taken at once.
    """
    with short_folder() as (folder, _stack):
        made = ensure_authority(folder / "authority", DOMAIN)
        issue(made, folder / "tls", ["localhost", "127.0.0.1"], None)
        for name in ("spool", "data", "boxes.d"):
            (folder / name).mkdir()
        postfix = pwd.getpwnam("postfix")
        os.chown(folder / "data", postfix.pw_uid, postfix.pw_gid)
        os.chown(folder / "boxes.d", postfix.pw_uid, postfix.pw_gid)
        host = Postfix(folder, free_port(), free_port(), folder / "authority" / "ca.pem")
        values = {
            "folder": folder,
            "programs": "/usr/lib/postfix/sbin",
            "shared": "/usr/lib/postfix",
            "domain": DOMAIN,
            "size": SIZE,
            "without": without,
            "bind": RELAY,
            "recipients": recipients,
            "ca": host.ca,
            "uid": postfix.pw_uid,
            "gid": grp.getgrnam("postfix").gr_gid,
        }
        (folder / "main.cf").write_text(_MAIN.format(**values))
        (folder / "master.cf").write_text(_MASTER.format(port=host.port, tls=host.tls))
        (folder / "boxes").write_text(_BOXES)
        (folder / "transport").write_text(f"/@{SCHOOL}$|^{LOST}@/ smtp:[127.0.0.1]:{inner}\n" if inner else "")
        host.treats()
        try:
            host.start()
            yield host
        finally:
            host.stop()


def there() -> bool:
    """Whether this machine can run one."""
    return os.geteuid() == 0 and shutil.which("postfix", path="/usr/sbin") is not None
