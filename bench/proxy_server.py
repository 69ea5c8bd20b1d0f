"""One proxy under test: how it is reached, and what it has used.

May live here: a server's addresses and its process. May not: how it is started, what it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.proxy_internet import HTTPS, NAME

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """``port`` takes HTTP in absolute form, and CONNECT unless ``led`` is a port that leads to the site's by itself.

    ``tls_port`` is the same inside TLS, where there is one. ``pid`` does all the work; ``None``: there is no proxy.
    ``sign_in`` is a header line for each request. ``hangs_up``: after each answer, unasked. ``most``: idle tunnels.
    """

    name: str
    pid: int | None
    port: int
    tls_port: int = 0
    sign_in: str = ""
    led: int = 0
    hangs_up: bool = False
    most: int = 10_000

    def way(self) -> tuple[int, bytes]:
        """Give the port to connect to, and what to say there first, for a tunnel to the site."""
        return (self.led, b"") if self.led else (self.port, self.connect())

    def connect(self) -> bytes:
        """Give the request for a tunnel."""
        return f"CONNECT {NAME}:{HTTPS} HTTP/1.1\r\nHost: {NAME}:{HTTPS}\r\n{self.sign_in}\r\n".encode()
