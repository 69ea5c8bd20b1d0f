"""The web of the box's small internet: what runs on the host ``origin``. It stands alone, standard library only.

``/``: a page; ``/bytes/N``: N bytes; POST anywhere: how many bytes came. Plain on port 80, with TLS on 443.
"""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PIECE = bytes(65536)
_PAGE = b"<!DOCTYPE html><title>Welcome to the internet</title>\n"


class Site(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        kind, _, number = self.path.strip("/").partition("/")
        if kind != "bytes":
            self._answer(len(_PAGE))
            self.wfile.write(_PAGE)
            return
        left = int(number)
        self._answer(left)
        while left:
            left -= self.wfile.write(_PIECE[:left])

    def do_POST(self) -> None:
        left = length = int(self.headers.get("Content-Length", "0"))
        while left and (piece := self.rfile.read(min(left, 65536))):
            left -= len(piece)
        body = f"{length - left} bytes came\n".encode()
        self._answer(len(body))
        self.wfile.write(body)

    def _answer(self, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def serve(port: int, context: ssl.SSLContext | None) -> None:
    """Answer for ever."""
    server = ThreadingHTTPServer(("0.0.0.0", port), Site)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain("/etc/box/cert.pem", "/etc/box/key.pem")
    threading.Thread(target=serve, args=(80, None), daemon=True).start()
    serve(443, secured)
