"""The demo's own site, so that the web can be shown without the internet: a page, files of any size, a place to upload.

It listens on loopback only and is reachable through the proxy because proxy.yaml of the demo names it.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_PIECE = b"Musterschule. " * 4096
_PAGE = "<!DOCTYPE html><html lang='de'><title>Musterseite</title><h1>Willkommen auf der Musterseite</h1></html>\n"
_LONGEST = 1 << 30


class _Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_HEAD(self) -> None:
        """As GET, without the bytes."""
        self.do_GET()

    def do_GET(self) -> None:
        """``/``: the page; ``/bytes/N``: N bytes."""
        kind, _, number = self.path.strip("/").partition("/")
        if kind == "bytes" and number.isdecimal() and int(number) <= _LONGEST:
            self._answer("application/octet-stream", int(number))
            left = int(number) if self.command == "GET" else 0
            while left:
                left -= self.wfile.write(_PIECE[:left])
        else:
            body = _PAGE.encode()
            self._answer("text/html; charset=utf-8", len(body))
            self.wfile.write(body if self.command == "GET" else b"")

    def do_POST(self) -> None:
        """Any upload: says how many bytes came."""
        left = length = int(self.headers.get("Content-Length", "0"))
        while left and (piece := self.rfile.read(min(left, 65536))):
            left -= len(piece)
        body = f"{length - left}\n".encode()
        self._answer("text/plain", len(body))
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def _answer(self, kind: str, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, _address: object) -> None:
        """A client that hangs up in the middle is no news."""


@contextlib.contextmanager
def origin(port: int, tls: Path | None = None) -> Iterator[int]:
    """Serve on 127.0.0.1:``port`` (0: a free one) while inside; gives the port. ``tls``: folder with cert and key."""
    server = _Server(("127.0.0.1", port), _Site)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
        # The handshake is made by the connection's own thread: a client that says nothing keeps nobody waiting.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, name="origin", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
