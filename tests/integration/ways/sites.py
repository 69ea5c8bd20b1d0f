"""The sites of the internet out there: each says at which address it was reached, and remembers what it heard."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

from tests.integration.wlan.networks import Host


class Heard:
    """Requests (address, Host, path) and how many connections came; for all sites together."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.connections = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, port: int, heard: Heard, context: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.heard, self.context = heard, context
        super().__init__((address, port), _Site)

    def server_bind(self) -> None:
        """Bind, and ask nobody for a name as HTTPServer does."""
        TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, peer = super().get_request()
        self.heard.connections += 1
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, peer

    def handle_error(self, _request: object, _address: object) -> None:
        """A client that hangs up in the middle is no news."""


class _Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        at = self.connection.getsockname()[0]
        host = self.headers.get("Host", "")
        self.server.heard.requests.append((at, host, self.path))
        told = {"at": at, "host": host, "path": self.path, "headers": self.headers.items()}
        body = json.dumps(told).encode()
        if self.path == "/page":
            body = b"<!DOCTYPE html><title>a site</title><p>the site itself</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path == "/page" else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def sites(host: Host, addresses: Sequence[str], tls: Path, heard: Heard) -> Iterator[None]:
    """HTTP at 80, HTTPS with the certificate in ``tls`` at 443 and 5223 of each of the ``addresses`` of ``host``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
    ports = ((80, None), (443, context), (5223, context))
    servers = host.within(lambda: [_Server(one, port, heard, tls) for one in addresses for port, tls in ports])
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
