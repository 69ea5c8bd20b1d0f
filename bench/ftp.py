"""Files over FTP with TLS, against vsftpd (anonymous there: it pays for no password check). Both on tmpfs, by curl.

Ours signs in against a real directory whose hashing is made cheap, decides, counts, records events and calls fsync.
"""

from __future__ import annotations

import contextlib
import ftplib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.harness import Row
from tests.integration.fileshare.school import FRED, PASSWORD, start_school

SIZE = 256 * 1024 * 1024
_ANY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ANY.check_hostname, _ANY.verify_mode = False, ssl.CERT_NONE
LOG_ONS, AT_ONCE, IDLE = 200, 4, 300
_TMPFS = "/dev/shm"
_SETTINGS = "workers: 1\nconnections: 2000\nconnections_per_address: 2000\nidle_timeout: 1 h\n"
_VSFTPD = """\
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={root}
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
write_enable=YES
secure_chroot_dir={empty}
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
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


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two: where it listens, who signs in, which folder is used, which process is its first."""

    port: int
    login: str
    password: str
    folder: str
    pid: int
    source: Path

    def fetch(self) -> float:
        """Fetch the large file; GB/s."""
        return self._curl("speed_download", "-o", "/dev/null")

    def store(self) -> float:
        """Store the large file; GB/s."""
        return self._curl("speed_upload", "-T", str(self.source))

    def log_ons(self) -> float:
        """Sign in again and again, some clients at once; 1/s."""
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for client in pool.map(lambda _: self._signed_in(), range(LOG_ONS)):
                client.close()
        return LOG_ONS / (time.monotonic() - began)

    def idle_memory(self) -> float:
        """What the whole server takes with 300 sessions that do nothing; MiB."""
        clients = [self._signed_in() for _ in range(IDLE)]
        taken = self._memory()
        for client in clients:
            client.close()
        return taken

    def _curl(self, figure: str, *more: str) -> float:
        address = f"ftp://127.0.0.1:{self.port}/{self.folder}/large"
        # TLS 1.2: of 1.3, vsftpd sends tickets that curl never reads when it stores, and then answers 426 at times
        argv = [
            "curl",
            "-sSk",
            "--ssl-reqd",
            "--tls-max",
            "1.2",
            "--user",
            f"{self.login}:{self.password}",
            "-w",
            f"\n%{{{figure}}}",
        ]
        done = subprocess.run([*argv, *more, address], check=True, capture_output=True, text=True, timeout=120)
        return float(done.stdout.rsplit("\n", 1)[1]) / 1e9

    def _signed_in(self) -> ftplib.FTP_TLS:
        client = ftplib.FTP_TLS(context=_ANY, timeout=60)
        client.connect("127.0.0.1", self.port)
        client.login(self.login, self.password)
        return client

    def _memory(self) -> float:
        """Proportional memory of the server and all below it; MiB."""
        total, waiting = 0.0, [self.pid]
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024
                waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return total


@contextlib.contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows while both servers run. Needs root, vsftpd and curl."""
    if os.geteuid() != 0 or shutil.which("vsftpd") is None or shutil.which("curl") is None:
        print("ftp: skipped; needs root, vsftpd and curl (apt-get install vsftpd curl)")
        yield ()
        return
    with start_school(limit=2 * SIZE, place=_TMPFS, fileshare=_SETTINGS) as school, contextlib.ExitStack() as stack:
        source = school.folder / "source"
        source.write_bytes(os.urandom(1024 * 1024) * (SIZE // (1024 * 1024)))
        assert school.files.process is not None
        ours = Server(school.port, FRED, PASSWORD, "Home", school.files.process.pid, source)
        peer = stack.enter_context(_vsftpd(school.settings.server.state / "fileshare" / "tls", source))
        for server in (ours, peer):
            server.store()
        yield (
            Row("FTP: fetch 256 MiB, TLS", "GB/s", True, ours.fetch, peer.fetch, "vsftpd"),
            Row("FTP: store 256 MiB, TLS", "GB/s", True, ours.store, peer.store, "vsftpd"),
            Row("FTP: log-ons, TLS", "1/s", True, ours.log_ons, peer.log_ons, "vsftpd"),
            Row("FTP: 300 idle sessions, TLS", "MiB", False, ours.idle_memory, peer.idle_memory, "vsftpd"),
        )


@contextlib.contextmanager
def _vsftpd(tls: Path, source: Path) -> Iterator[Server]:
    """Run vsftpd with the same certificate in the foreground until the end."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir=_TMPFS))
    try:
        for name, mode in (("root", 0o755), ("root/pub", 0o777), ("empty", 0o755)):
            (folder / name).mkdir()
            (folder / name).chmod(mode)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        text = _VSFTPD.format(port=port, root=folder / "root", empty=folder / "empty", tls=tls)
        (folder / "vsftpd.conf").write_text(text)
        process = subprocess.Popen(["vsftpd", str(folder / "vsftpd.conf")], stdin=subprocess.DEVNULL)
        try:
            _await(port, process)
            yield Server(port, "anonymous", "x", "pub", process.pid, source)
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(folder)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < limit:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
    raise RuntimeError("vsftpd does not answer")
