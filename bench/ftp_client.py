"""What a client measures of one file server: large files by curl, sessions by as little as a client can be.

May live here: one server and its figures. May not: how it is started, what is compared. The client shares the machine
with the server, so it does nothing beside the conversation: Python's own ftplib takes half as long again.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

AT_ONCE, IDLE = 4, 300
_ANY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ANY.check_hostname, _ANY.verify_mode = False, ssl.CERT_NONE
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, who signs in, which folder is used, which process is its first, how many log-ons a figure."""

    port: int
    login: str
    password: str
    folder: str
    pid: int
    source: Path
    sign_ins: int = 200

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
            for client in pool.map(lambda _: self._signed_in(), range(self.sign_ins)):
                client.close()
        return self.sign_ins / (time.monotonic() - began)

    def idle_memory(self) -> float:
        """What the server's own processes take with 300 sessions that do nothing; MiB."""
        with contextlib.ExitStack() as stack:
            for _ in range(IDLE):
                stack.callback(self._signed_in().close)
            return self._memory()

    def _curl(self, figure: str, *more: str) -> float:
        address = f"ftp://127.0.0.1:{self.port}/{self.folder}large"
        # TLS 1.2: of 1.3, vsftpd sends tickets that curl never reads when it stores, and then answers 426 at times
        argv = ["curl", "-sSk", "--ssl-reqd", "--tls-max", "1.2", "--user", f"{self.login}:{self.password}"]
        argv += ["-w", f"\n%{{{figure}}}", *more, address]
        done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=240)
        return float(done.stdout.rsplit("\n", 1)[1]) / 1e9

    def _signed_in(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), _PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _heard(plain, b"220")
        plain.sendall(b"AUTH TLS\r\n")
        _heard(plain, b"234")
        line = _ANY.wrap_socket(plain)
        for words, wanted in ((f"USER {self.login}", b"331"), (f"PASS {self.password}", b"230")):
            line.sendall(f"{words}\r\n".encode())
            _heard(line, wanted)
        return line

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


def _heard(line: socket.socket, wanted: bytes) -> None:
    """Read one reply, of several lines perhaps; raises ``RuntimeError`` for any but the wanted."""
    said = b""
    while not (said.endswith(b"\n") and said[said.rfind(b"\n", 0, -1) + 1 :][3:4] == b" "):
        piece = line.recv(4096)
        said += piece
        if not piece:
            break
    if not said.startswith(wanted):
        raise RuntimeError(f"the server says {said!r}")
