"""Our proxy as a school runs it: passwords, limits, recorded use, 200 rules about sites, five million listed domains.

May live here: how ours is set up. May not: what is measured. The password service, the log of use and the directory
share the core of the load.
"""

from __future__ import annotations

import contextlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from appliance.policy.account import Role
from bench.cores import pin
from bench.proxy_server import Server
from tests.integration.support_lists import put_lists
from tests.integration.support_parts import PASSWORD, Parts, person, short_folder

DOMAINS = 5_000_000
RULES = 200
_FRED, _UNLIMITED = "fred.mustermann", 1 << 40
_PROXY = """\
connections: 100000
connections_per_address: 100000
remember: 1 h
idle_timeout: 1 h
answer_timeout: 1 h
tunnel_timeout: 1 h
"""
_RULES = "".join(
    f"  - {{verdict: block, groups: [klasse{number}], categories: [games]}}\n"
    f"  - {{verdict: block, roles: [pupil], targets: [closed{number}.example], times: ['07:30-13:15']}}\n"
    for number in range(RULES // 2)
)
_WEB = f"rules:\n{_RULES}blocked_categories: {{pupil: [games, videos]}}\n"


class _School(Parts):
    SERVICE, AUDIENCE = "proxy", "web"
    PEOPLE: ClassVar = {_FRED: person(_FRED, 20_000, Role.PUPIL)}
    TEACHERS = (1, 1)
    LISTENERS = ("proxy", "proxy-tls")
    FOLDERS: ClassVar = {}

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        files = {"proxy": _PROXY, "web": _WEB}
        super().__init__(folder, stack, files, _UNLIMITED)
        half = range(DOMAINS // 2)
        lists = {one: (f"{one}{number:x}.example" for number in half) for one in ("games", "videos")}
        put_lists(self.settings.server.state, lists)
        self.proxy = self.service("proxy", *self.LISTENERS)
        self.run(stack, self.proxy)


@contextlib.contextmanager
def school(most: int) -> Iterator[tuple[Server, int, Path]]:
    """Run it; gives the proxy, the process of the log of use, and the folder with the proxy's certificate.

    ``most``: so many tunnels can be held at once.
    """
    with short_folder() as (folder, stack):
        running = _School(folder, stack)
        assert running.proxy.process is not None
        workers = running.proxy.children()
        for pid in (running.proxy.process.pid, *workers):
            pin(pid)
        token = b64encode(f"{_FRED}:{PASSWORD}".encode()).decode()
        ours = Server(
            "ours",
            workers[0],
            running.ports["proxy"],
            running.ports["proxy-tls"],
            f"Proxy-Authorization: Basic {token}\r\n",
            most=most,
        )
        yield ours, running.audit.children()[0], running.settings.server.state / "proxy" / "tls"
