"""One proxy under test: how it is reached, and what it has used.

May live here: a server's addresses and its process. May not: how it is started, what it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.proxy_internet import NAME

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """``port`` takes HTTP in absolute form, and CONNECT unless ``ways`` says which port leads to one of the origin.

    ``tls_port`` is the same inside TLS, where there is one. ``pid`` does all the work; ``None``: there is no proxy.
    ``sign_in`` is a header line for each request. ``hangs_up``: after each answer, unasked. ``most``: idle tunnels.
    """

    name: str
    pid: int | None
    port: int
    tls_port: int = 0
    sign_in: str = ""
    ways: Mapping[int, int] = field(default_factory=dict)
    hangs_up: bool = False
    most: int = 10_000

    def way(self, site: int) -> tuple[int, bytes]:
        """Give the port to connect to, and what to say there first, for a tunnel to port ``site`` of the origin."""
        if site in self.ways:
            return self.ways[site], b""
        return self.port, self.connect(site)

    def connect(self, site: int) -> bytes:
        """Give the request for a tunnel."""
        return f"CONNECT {NAME}:{site} HTTP/1.1\r\nHost: {NAME}:{site}\r\n{self.sign_in}\r\n".encode()
