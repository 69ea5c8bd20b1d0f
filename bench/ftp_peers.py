"""vsftpd and proftpd as Debian has them, each signing in one person of its own by a cheaply hashed password.

May live here: how a peer is configured, started and ended. May not: what is measured. Debian installs only one of the
two at a time, so proftpd's packages are fetched and unpacked for the run; vsftpd asks PAM, and sees accounts that are
there for it alone, in a mount namespace of its own. vsftpd passes each block of a file of somebody who signed in to a
second process, which encrypts it: that is part of its figures with TLS.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.ftp_client import Server
from tests.integration.support_ports import free_port

_LOGIN, _PASSWORD, _UID, _GID = "bench", "Kartoffel-Salat7", 29_990, 65_534
_VSFTPD = """\
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
chroot_local_user=YES
allow_writeable_chroot=YES
check_shell=NO
write_enable=YES
local_umask=007
secure_chroot_dir={folder}/empty
pam_service_name=vsftpd
ssl_enable=YES
force_local_logins_ssl=YES
force_local_data_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=ECDHE+AESGCM
rsa_cert_file={tls}/cert.pem
rsa_private_key_file={tls}/key.pem
xferlog_enable=NO
max_clients=2000
max_per_ip=0
seccomp_sandbox=NO
isolate_network=NO
"""
_PAM = "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n"
_IN_ITS_OWN = """\
mount --make-rprivate /
for file in passwd shadow; do mount --bind "$1/$file" "/etc/$file"; done
mount --bind "$1/pam" /etc/pam.d/vsftpd
exec vsftpd "$1/vsftpd.conf"
"""
_PROFTPD_PACKAGES = ("proftpd-core", "proftpd-mod-crypto")
_PROFTPD = """\
ModulePath {folder}/usr/lib/proftpd
LoadModule mod_tls.c
ServerType standalone
DefaultAddress 127.0.0.1
Port {port}
UseReverseDNS off
User nobody
Group nogroup
AuthOrder mod_auth_file.c
AuthUserFile {folder}/users
AuthGroupFile {folder}/groups
RequireValidShell off
DefaultRoot ~
AllowOverwrite on
WtmpLog off
TransferLog none
SystemLog none
DelayEngine off
MaxInstances none
ScoreboardFile {folder}/scoreboard
PidFile {folder}/pid
TLSEngine on
TLSRequired on
TLSProtocol TLSv1.2 TLSv1.3
TLSCipherSuite ECDHE+AESGCM
TLSOptions NoSessionReuseRequired
TLSECCertificateFile {tls}/cert.pem
TLSECCertificateKeyFile {tls}/key.pem
"""


@contextlib.contextmanager
def vsftpd(tls: Path, source: Path, place: str) -> Iterator[Server]:
    """Run it with the certificate in ``tls`` and its files below ``place``. Needs root and vsftpd."""
    with _folder(place) as folder:
        port = free_port()
        (folder / "vsftpd.conf").write_text(_VSFTPD.format(port=port, folder=folder, tls=tls))
        (folder / "pam").write_text(_PAM)
        (folder / "passwd").write_text(Path("/etc/passwd").read_text() + _user("x", folder))
        shadow = folder / "shadow"
        shadow.touch(mode=0o600)
        shadow.write_text(Path("/etc/shadow").read_text() + f"{_LOGIN}:{_hashed()}:20000:0:99999:7:::\n")
        argv = ["unshare", "--mount", "sh", "-ec", _IN_ITS_OWN, "sh", str(folder)]
        with _running(argv, port) as pid:
            yield Server(port, _LOGIN, _PASSWORD, "", pid, source)


@contextlib.contextmanager
def proftpd(tls: Path, source: Path, place: str) -> Iterator[Server | None]:
    """The same of proftpd; ``None`` when its packages cannot be fetched."""
    with _folder(place) as folder:
        done = subprocess.run(["apt-get", "-q", "download", *_PROFTPD_PACKAGES], cwd=folder, capture_output=True)
        if done.returncode != 0:
            yield None
            return
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
        port = free_port()
        (folder / "proftpd.conf").write_text(_PROFTPD.format(port=port, folder=folder, tls=tls))
        for name, text in (("users", _user(_hashed(), folder)), ("groups", f"nogroup:x:{_GID}:\n")):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text)
        argv = [str(folder / "usr/sbin/proftpd"), "--nodaemon", "--config", str(folder / "proftpd.conf")]
        with _running(argv, port) as pid:
            yield Server(port, _LOGIN, _PASSWORD, "", pid, source, sign_ins=40)


@contextlib.contextmanager
def _folder(place: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir=place))
    try:
        folder.chmod(0o755)
        for name in ("home", "empty"):
            (folder / name).mkdir(mode=0o755)
        os.chown(folder / "home", _UID, _GID)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _running(argv: list[str], port: int) -> Iterator[int]:
    """Run the program in the foreground from the moment it answers until the end; its process id."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 10
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"{argv[0]} does not answer")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _user(password: str, folder: Path) -> str:
    return f"{_LOGIN}:{password}:{_UID}:{_GID}::{folder}/home:/bin/sh\n"


def _hashed() -> str:
    """As cheaply as it comes: what hashing costs is measured elsewhere, and ours is made cheap too."""
    argv = ["openssl", "passwd", "-1", "-stdin"]
    return subprocess.run(argv, input=_PASSWORD, check=True, capture_output=True, text=True).stdout.strip()
