"""Our proxy as a school runs it: passwords from a directory, limits, recorded use, half a million listed domains.

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
from bench.proxy_origin import Origin
from bench.proxy_server import Server
from tests.integration.support_parts import PASSWORD, Parts, person, short_folder

DOMAINS = 500_000
_FRED, _UNLIMITED = "fred.mustermann", 1 << 40
_PROXY = """\
lists: {folder}/lists
blocked_categories: {{pupil: [games, videos]}}
exceptions: ["127.0.0.1:{origin.site}", "127.0.0.1:{origin.tunnels}"]
connections: 100000
connections_per_address: 100000
remember: 1 h
idle_timeout: 1 h
answer_timeout: 1 h
tunnel_timeout: 1 h
"""


class _School(Parts):
    SERVICE, AUDIENCE = "proxy", "web"
    PEOPLE: ClassVar = {_FRED: person(_FRED, 20_000, Role.PUPIL)}
    TEACHERS = (1, 1)
    LISTENERS = ("proxy", "proxy-tls")
    FOLDERS: ClassVar = {"lists/games": (0o755, False), "lists/videos": (0o755, False)}

    def __init__(self, folder: Path, stack: contextlib.ExitStack, origin: Origin) -> None:
        super().__init__(folder, stack, {"proxy": _PROXY.format(folder=folder, origin=origin)}, _UNLIMITED)
        for category in ("games", "videos"):
            with (folder / "lists" / category / "domains").open("w") as domains:
                domains.writelines(f"{category}{number:x}.example\n" for number in range(DOMAINS // 2))
        self.proxy = self.service("proxy", *self.LISTENERS)
        self.run(stack, self.proxy)


@contextlib.contextmanager
def school(origin: Origin, most: int) -> Iterator[tuple[Server, int, Path]]:
    """Run it; gives the proxy, the process of the log of use, and the folder with the proxy's certificate.

    ``most``: so many tunnels can be held at once.
    """
    with short_folder() as (folder, stack):
        running = _School(folder, stack, origin)
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
