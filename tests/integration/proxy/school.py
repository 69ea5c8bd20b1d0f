"""A school with real slapd, auth, audit and proxy on loopback, and a site that is reached by explicit exception.

Nothing here ever connects beyond loopback: names that would lead outside are never asked for.
"""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from appliance.daemon.authority import ensure_authority, issue
from appliance.demo.origin import origin
from appliance.policy.account import Role
from tests.integration import support_parts
from tests.integration.support_lists import put_lists
from tests.integration.support_parts import PASSWORD, Parts, person, short_folder
from tests.integration.support_place import DOMAIN

OTHER = "Zwiebel-Kuchen8"
FRED, MARIA = "fred.mustermann", "maria.lehrer"
PROBE = support_parts.PROBE.login
_KIND = "kind."
OTHERS = tuple(
    f"{_KIND}{word}" for word in ("eins", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht", "neun")
)
"""Pupils, each for one test: what somebody moved through tunnels counts for minutes."""
BLOCKED = "spiele.example"


class School(Parts):
    """The proxy ``proxy``, and beyond it ``site``, ``secure_site``, and ``raw``, where a test plays the site."""

    SERVICE, AUDIENCE = "proxy", "web"
    PEOPLE: ClassVar = {
        FRED: person(FRED, 20000, Role.PUPIL),
        MARIA: person(MARIA, 20001, Role.TEACHER),
        **{login: person(login, 20100 + number, Role.PUPIL) for number, login in enumerate(OTHERS)},
    }
    TEACHERS = (2, 2)
    LISTENERS = ("proxy", "proxy-tls")
    FOLDERS: ClassVar = {}
    LIMIT = support_parts.LIMIT
    TIMES = "head_timeout: 1 s\nidle_timeout: 2 s\nanswer_timeout: 3 s\nconnections_per_address: 40\n"

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        issue(ensure_authority(folder / "authority", DOMAIN), folder / "site", ["localhost", "127.0.0.1"], None)
        self.site = stack.enter_context(origin(0))
        self.secure_site = stack.enter_context(origin(0, folder / "site"))
        self.raw = stack.enter_context(self._raw())
        self.raw.settimeout(15.0)
        self.raw_site = self.raw.getsockname()[1]
        ports = (self.site, self.secure_site, self.raw_site, 9, *self._more(stack))
        exceptions = [f"127.0.0.1:{port}" for port in ports]
        exceptions += self._beyond(stack)
        proxy = f"{self.TIMES}exceptions: [{', '.join(exceptions)}, 'innen.example:80']\n"
        self._others = (login for login in self.PEOPLE if login.startswith(_KIND))
        super().__init__(folder, stack, {"proxy": proxy, "web": "blocked_categories: {pupil: [games]}\n"}, self.LIMIT)
        put_lists(self.settings.server.state, {"games": [BLOCKED]})
        self.proxy = self.service("proxy", *self.LISTENERS)
        self.run(stack, self.proxy)

    def _raw(self) -> socket.socket:
        """Listen where the proxy reaches it as 127.0.0.1."""
        return socket.create_server(("127.0.0.1", 0))

    def _more(self, stack: contextlib.ExitStack) -> tuple[int, ...]:
        """Ports of more sites at the proxy's own loopback."""
        return ()

    def _beyond(self, _stack: contextlib.ExitStack) -> list[str]:
        """More sites, as host and port."""
        return []

    @property
    def used(self) -> str:
        """What audit has written."""
        return (self.settings.server.state / "audit" / "use.jsonl").read_text()

    def somebody(self) -> str:
        """A pupil of whom no test has heard."""
        return next(self._others)

    def connect(self, name: str = "proxy", timeout: float = 15.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[name]), timeout)


def sign(login: str = FRED, password: str = PASSWORD) -> str:
    """The header line that signs in."""
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}\r\n"


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read until the end; gives status and all that came after the first line."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while not data.endswith(b"</html>\n") and (piece := connection.recv(65536)):
            data += piece
    line, _, rest = data.partition(b"\r\n")
    return int(line[9:12] or b"0"), rest


@contextlib.contextmanager
def start_school() -> Iterator[School]:
    """Run a school until the end."""
    with short_folder() as (folder, stack):
        yield School(folder, stack)
