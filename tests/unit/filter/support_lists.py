"""Real archives and a real web server that gives lists, and counts how often and what it is asked."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def packed(files: dict[str, bytes | str], *more: tarfile.TarInfo) -> bytes:
    """A tar.gz of ``files`` by name, and ``more`` members without content."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in more:
            archive.addfile(member)
    return made.getvalue()


def member(name: str, kind: bytes, linkname: str = "") -> tarfile.TarInfo:
    """A member of another kind than a file."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, linkname
    return made


def bomb(size: int) -> bytes:
    """``size`` bytes of short lines, packed."""
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb") as file:
        for _ in range(size // 100_000):
            file.write(b"a.example\n" * 10_000)
    return made.getvalue()


@dataclass
class Site:
    """What the server gives by path: bytes with an ETag, or a status and headers; ``asked`` has method and headers."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    odd: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextlib.contextmanager
def serving(wrap=None) -> Iterator[Site]:
    """Run the server on loopback; ``wrap`` makes its socket one of TLS."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, dict(self.headers)))
            if self.path in site.odd:
                status, headers, body = site.odd[self.path]
            elif self.path not in site.files:
                status, headers, body = 404, {}, b"no such list"
            else:
                body = site.files[self.path]
                etag = f'"{hash(body)}"'
                status, headers = 200, {"ETag": etag}
                if self.headers.get("If-None-Match") == etag:
                    status, body = 304, b""
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if wrap is not None:
            server.socket = wrap(server.socket)
        site.url = f"http{'s' if wrap else ''}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
