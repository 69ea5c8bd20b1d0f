"""The demo's proof of the web: a page, a tunnel, a blocked category, the limit both ways, a lock of an open tunnel.

May live here: what is exchanged and what must come back. May not: how a line is printed.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.demo.proof import School

BLOCKED = "spiele.example"
"""The domain in the demo's list of the category ``gambling``."""
_PATIENCE = 10.0
_AT_ONCE = 2.0
_PASSES, _TOO_LARGE = 1_000_000, 25_000_000


def _web(school: School) -> tuple[bool, str]:
    """A pupil reads a page over the plain port; without a password he is asked for one."""
    with _plain(school) as client:
        client.request("GET", _site(school, "/"))
        asked = client.getresponse()
        asked.read()
        status, body = _ask(client, school, "GET", "/")
    whole = asked.status == 407 and status == 200 and b"Musterseite" in body
    return whole, f"{asked.status} without, {status} with sign-in, {len(body)} bytes"


def _encrypted(school: School) -> tuple[bool, str]:
    """The same through a tunnel over the encrypted port, the site's own TLS inside."""
    listen = school.settings.network.listen["proxy-tls"]
    context = ssl.create_default_context(cafile=str(school.ca))
    host, port = _secure_site(school)
    with (
        socket.create_connection((listen.host, listen.port), _PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=listen.host) as outer,
    ):
        outer.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{_line(school)}\r\n".encode())
        answer = outer.recv(4096).split(b"\r\n", 1)[0]
        if b" 200 " not in answer:
            return False, answer.decode(errors="replace")
        body = _inside(outer, context, host)
    return b"Musterseite" in body, f"tunnel in TLS, {len(body)} bytes from the site"


def _inside(outer: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> bytes:
    """Speak TLS with the site inside ``outer``, which is TLS itself."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    inner = context.wrap_bio(coming, going, server_hostname=host)

    def run(step: Callable[[], bytes | int | None]) -> bytes | int | None:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                outer.sendall(going.read())
                data = outer.recv(65536)
                coming.write(data) if data else coming.write_eof()
            finally:
                outer.sendall(going.read())

    run(inner.do_handshake)
    run(lambda: inner.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()))
    body = b""
    with contextlib.suppress(ssl.SSLError):  # a site may hang up without saying good-bye
        while b"</html>" not in body and isinstance(piece := run(lambda: inner.read(65536)), bytes) and piece:
            body += piece
    return body


def _category(school: School) -> tuple[bool, str]:
    """A page of a closed category is refused with a page and a code (K13)."""
    with _plain(school) as client:
        client.request("GET", f"http://www.{BLOCKED}/", headers={**_signed(school), "Accept-Language": "en"})
        answer = client.getresponse()
        body = answer.read()
    return answer.status == 403 and b"category" in body, f"{answer.status}, {len(body)} bytes of explanation"


def _limit(school: School) -> tuple[bool, str]:
    """One megabyte passes both ways, 25 do not (K12)."""
    told = []
    for size in (_PASSES, _TOO_LARGE):
        with _plain(school) as client:
            told.append(_ask(client, school, "GET", f"/bytes/{size}")[0])
        with _plain(school) as client:
            told.append(_upload(client, school, size))
    return told == [200, 200, 403, 413], f"1 MB down {told[0]}, up {told[1]}; 25 MB down {told[2]}, up {told[3]}"


def _lock(school: School) -> tuple[bool, str]:
    """A lock ends an open tunnel within two seconds (K18)."""
    host, port = _secure_site(school)
    with _plain(school) as client:
        client.connect()
        tunnel = client.sock
        tunnel.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{_line(school)}\r\n".encode())
        if b" 200 " not in tunnel.recv(4096):
            return False, "no tunnel"
        began = time.monotonic()
        school.client.call("users.lock", {"login": school.pupil.login, "reason": "the demo proves a lock"})
        try:
            with contextlib.suppress(ConnectionResetError):
                tunnel.recv(1)
            took = time.monotonic() - began
            with _plain(school) as other:
                refused, _ = _ask(other, school, "GET", "/")
        finally:
            school.client.call("users.unlock", {"login": school.pupil.login})
    opened = _wait_for(school, 200)
    return took < _AT_ONCE and refused == 403 and opened, f"tunnel ended after {took:.2f} s, then {refused}"


def _wait_for(school: School, wanted: int) -> bool:
    """Whether the page is answered with ``wanted`` within two seconds from now."""
    until = time.monotonic() + _AT_ONCE
    while time.monotonic() < until:
        with _plain(school) as client:
            if _ask(client, school, "GET", "/")[0] == wanted:
                return True
    return False


@contextlib.contextmanager
def _plain(school: School) -> Iterator[http.client.HTTPConnection]:
    listen = school.settings.network.listen["proxy"]
    with contextlib.closing(http.client.HTTPConnection(listen.host, listen.port, timeout=_PATIENCE)) as client:
        yield client


def _ask(client: http.client.HTTPConnection, school: School, method: str, path: str) -> tuple[int, bytes]:
    client.request(method, _site(school, path), headers=_signed(school))
    answer = client.getresponse()
    return answer.status, answer.read()


def _upload(client: http.client.HTTPConnection, school: School, size: int) -> int:
    """Announce ``size`` bytes and send them only when they are wanted, as curl does."""
    client.putrequest("POST", _site(school, "/"))
    for name, value in (*_signed(school).items(), ("Content-Length", str(size))):
        client.putheader(name, value)
    client.endheaders()
    with contextlib.suppress(OSError):  # refused before all was sent
        client.send(bytes(size))
    return client.getresponse().status


def _site(school: School, path: str) -> str:
    site = school.settings.proxy.exceptions[0]
    return f"http://{site.host}:{site.port}{path}"


def _secure_site(school: School) -> tuple[str, int]:
    site = school.settings.proxy.exceptions[1]
    return site.host, site.port


def _signed(school: School) -> dict[str, str]:
    token = base64.b64encode(f"{school.pupil.login}:{school.pupil.password}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {token}"}


def _line(school: School) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in _signed(school).items())


EXCHANGES: tuple[tuple[str, Callable[[School], tuple[bool, str]]], ...] = (
    ("web: a page over the proxy", _web),
    ("web: a tunnel over TLS", _encrypted),
    ("web: a closed category", _category),
    ("web: the limit both ways", _limit),
    ("web: a lock ends a tunnel", _lock),
)
