"""The two ends of the web that lie outside the school: a site, and a listener at the end of a tunnel.

May live here: what they send, and what they have got whole. May not: what the proxy should make of it.
"""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = bytes(65536)


class _Site(BaseHTTPRequestHandler):
    """``GET /bytes/N`` gives N bytes; what is sent with POST is counted once it is whole."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def do_GET(self):
        size = int(self.path.rpartition("/")[2] or 0)
        self._answer(size)
        for start in range(0, size, len(PIECE)):
            self.wfile.write(PIECE[: size - start])

    def do_POST(self):
        left = size = int(self.headers["Content-Length"])
        while left and (piece := self.rfile.read(min(left, len(PIECE)))):
            left -= len(piece)
        if not left:
            self.server.received.append(size)
        self._answer(0)

    def log_message(self, *_):
        pass

    def _answer(self, size):
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()


class _Far(socketserver.StreamRequestHandler):
    """Lines ``give N``: N bytes come; ``take N``: N bytes are taken, and then it says so."""

    timeout = 60

    def handle(self):
        for line in self.rfile:
            verb, number = line.split()
            left = size = int(number)
            if verb == b"give":
                while left:
                    left -= self.wfile.write(PIECE[:left])
                continue
            while left and (piece := self.rfile.read(min(left, len(PIECE)))):
                left -= len(piece)
            if not left:
                self.server.received.append(size)
                self.wfile.write(b"taken\n")


class _Quiet:
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        """Who hangs up in the middle is no news."""


class _SiteServer(_Quiet, ThreadingHTTPServer):
    pass


class _FarServer(_Quiet, socketserver.ThreadingTCPServer):
    pass


@contextlib.contextmanager
def outside() -> Iterator[tuple[int, int, list[int]]]:
    """Serve both on loopback while inside: port of the site, port of the far end, sizes of what they got whole."""
    received: list[int] = []
    with contextlib.ExitStack() as stack:
        ports = []
        for kind, handler in ((_SiteServer, _Site), (_FarServer, _Far)):
            server = stack.enter_context(kind(("127.0.0.1", 0), handler))
            server.received = received
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            ports.append(server.server_address[1])
        yield ports[0], ports[1], received
