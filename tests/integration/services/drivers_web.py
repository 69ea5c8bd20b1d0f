"""A browser: requests over the proxy's plain port, and a tunnel (CONNECT) over its encrypted one."""

import base64
import contextlib
import http.client
import itertools
import re
import select
import socket
import ssl
from typing import ClassVar

from appliance.policy.account import Service
from tests.integration.services.driver import CODE, PATIENCE, Direction, Outcome
from tests.integration.support_school import School

_PIECE = bytes(262_144)
_NEXT = itertools.count()
_WORDS = re.compile(r"<p>(.*?)</p>")
_TOLD = re.compile(r"<code>([0-9A-Z]{4}-[0-9A-Z]{4})</code>")

_SIGN_IN = {
    Outcome.SIGNED_IN: r"200.*",
    Outcome.WRONG: r"407 Please sign in .*",
    Outcome.MUST_CHANGE: rf"403 Please set a password .*{CODE}",
    Outcome.LOCKED: rf"403 This account is locked\.{CODE}",
    Outcome.NOT_OPEN: rf"403 This is not open .*{CODE}",
    Outcome.NO_CONSENT: rf"403 The internet needs a consent .*{CODE}",
    Outcome.TRY_LATER: r"503 .* try again later\.",
    # Nothing is kept for anybody here, so no quota can be full.
    Outcome.OVER_QUOTA: r"200.*",
}


def far_names(port: int) -> list[str]:
    """What ``proxy.yaml exceptions`` has for the site behind tunnels, which has many names."""
    return [f"name{number}.localhost:{port}" for number in range(100)]


class _WebDriver:
    service = Service.WEB
    recorded: ClassVar = {Direction.UP: None, Direction.DOWN: None}
    """Which pages somebody reads is not recorded, only that he signed in and what was refused."""

    def __init__(self, school: School, address: str = "127.0.0.1") -> None:
        self._school = school
        self._from = (address, 0)
        self._token = ""
        self._opened: list[http.client.HTTPConnection | socket.socket] = []

    def _signed(self, login: str, password: str) -> dict[str, str]:
        token = base64.b64encode(f"{login}:{password}".encode()).decode()
        return {"Proxy-Authorization": f"Basic {token}", "Accept-Language": "en"}

    def close(self) -> None:
        for one in self._opened:
            one.close()


class Web(_WebDriver):
    """HTTP. It knows no session: what is open is a request that is under way, its last byte still to be sent."""

    name = "web"
    replies: ClassVar = {
        **_SIGN_IN,
        Outcome.PASSED: r"200.*",
        Outcome.TOO_LARGE: rf"(403 This file is larger than you may download\.|413 .*){CODE}",
        Outcome.ENDED_LOCKED: rf"403 This account is locked\.{CODE}",
        Outcome.ENDED_CHANGED: rf"403 (Please set a password .*{CODE}|The password was changed.*)",
    }

    def sign_in(self, login: str, password: str) -> str:
        self._headers = self._signed(login, password)
        words = self._ask("GET", "/bytes/1")
        if words.startswith("200"):
            self._held = self._begin("POST", "/", 1)
            self._await_arrival()
        return words

    def _await_arrival(self) -> None:
        """The proxy answers requests of one worker in turn, so the held one has been judged when the next one is."""
        assert self._ask("GET", "/bytes/1").startswith("200")

    def move(self, direction: Direction, size: int) -> str:
        if direction is Direction.DOWN:
            return self._ask("GET", f"/bytes/{size}", size)
        client = self._begin("POST", "/", size)
        with contextlib.suppress(OSError):  # refused before all was sent
            for start in range(0, size, len(_PIECE)):
                client.send(_PIECE[: size - start])
        return self._answer(client)

    def edge(self, limit: int, direction: Direction) -> int | None:
        return limit

    def open(self) -> bool:
        held = self._held.sock is not None and not select.select([self._held.sock], [], [], 0)[0]
        return held and self._ask("GET", "/bytes/1").startswith("200")

    def last_words(self, within: float) -> str:
        self._held.sock.settimeout(within)
        return self._answer(self._held)

    def look_at(self, host: str) -> str:
        """Ask for the first page of ``host``: what is said."""
        return self._answer(self._begin("GET", f"http://{host}/"))

    def _begin(self, method: str, path: str, length: int | None = None) -> http.client.HTTPConnection:
        host, port = self._school.address("proxy")
        client = http.client.HTTPConnection(host, port, timeout=PATIENCE, source_address=self._from)
        self._opened.append(client)
        site = self._school.settings.proxy.exceptions[0]
        client.putrequest(method, f"http://{site.host}:{site.port}{path}" if path.startswith("/") else path)
        sized = {} if length is None else {"Content-Length": str(length)}
        for name, value in {**self._headers, **sized}.items():
            client.putheader(name, value)
        client.endheaders()
        return client

    def _ask(self, method: str, path: str, whole: int | None = None) -> str:
        return self._answer(self._begin(method, path), whole)

    def _answer(self, client: http.client.HTTPConnection, whole: int | None = None) -> str:
        with contextlib.closing(client):
            answer = client.getresponse()
            body = answer.read()
        assert answer.status != 200 or whole in (None, len(body))
        return _words(answer.status, body)


class Tunnel(_WebDriver):
    """CONNECT. What goes through is nobody's business: the limit is one of bytes, and 2 % and 64 KiB more for TLS.

    Bytes to one host count for minutes, whatever tunnel they take, so each tunnel goes to another name of the site.

    When a tunnel ends early nothing can be said in it: it is cut.
    """

    name = "tunnel"
    _CUT = "cut"
    replies: ClassVar = {
        **_SIGN_IN,
        Outcome.PASSED: "whole",
        Outcome.TOO_LARGE: _CUT,
        Outcome.OVER_QUOTA: "whole",
        Outcome.ENDED_LOCKED: _CUT,
        Outcome.ENDED_CHANGED: _CUT,
    }

    def sign_in(self, login: str, password: str) -> str:
        self._headers = self._signed(login, password)
        self._tunnel, words = self._connect()
        return words

    def _connect(self) -> tuple[socket.socket, str]:
        host, port = self._school.address("proxy-tls")
        plain = socket.create_connection((host, port), PATIENCE, self._from)
        self._opened.append(plain)
        context = ssl.create_default_context(cafile=str(self._school.ca))
        tunnel = context.wrap_socket(plain, server_hostname=host)
        self._opened.append(tunnel)
        names = self._school.settings.proxy.exceptions[1:]
        far = names[next(_NEXT) % len(names)]
        where = f"{far.host}:{far.port}"
        head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": where, **self._headers}.items())
        tunnel.sendall(f"CONNECT {where} HTTP/1.1\r\n{head}\r\n".encode())
        answer = http.client.HTTPResponse(tunnel, method="CONNECT")
        answer.begin()
        return tunnel, _words(answer.status, b"" if answer.status == 200 else answer.read())

    def move(self, direction: Direction, size: int) -> str:
        """In a tunnel of its own, whose every byte counts: the line that asks for bytes is one of those going up."""
        tunnel, words = self._connect()
        if not words.startswith("200"):
            return words
        try:
            if direction is Direction.UP:
                line = f"take {size - 15:09d}\n".encode()
                tunnel.sendall(line)
                for start in range(len(line), size, len(_PIECE)):
                    tunnel.sendall(_PIECE[: size - start])
                return "whole" if _read(tunnel, 6) == 6 else "cut"
            tunnel.sendall(f"give {size:09d}\n".encode())
            return "whole" if _read(tunnel, size) == size else "cut"
        except (ConnectionError, ssl.SSLError):
            return "cut"

    def edge(self, limit: int, direction: Direction) -> int | None:
        return limit + limit // 50 + 65_536

    def open(self) -> bool:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self._tunnel.sendall(b"give 1\n")
            return _read(self._tunnel, 1) == 1
        return False

    def last_words(self, within: float) -> str:
        self._tunnel.settimeout(within)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            return "cut" if self._tunnel.recv(1) == b"" else "goes on"
        return "cut"


def _read(tunnel: socket.socket, size: int) -> int:
    """How many of ``size`` bytes came before the end."""
    came = 0
    while came < size and (piece := tunnel.recv(min(size - came, 262_144))):
        came += len(piece)
    return came


def _words(status: int, body: bytes) -> str:
    """Status and text of a page of the proxy, the code of the refusal at its end as elsewhere."""
    page = body.decode(errors="replace") if status != 200 else ""
    words, code = _WORDS.search(page), _TOLD.search(page)
    return f"{status}{f' {words[1]}' if words else ''}{f' (code {code[1]})' if code else ''}"
