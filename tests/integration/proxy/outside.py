"""A school whose proxy stands before an internet: two network namespaces, of which one has public addresses.

Nothing leaves them. May live here: the namespaces, names, addresses, listening sockets out there. May not: what a site
says. The proxy's other side, where browsers knock, is the loopback of the machine, as in every test.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
from pathlib import Path
from typing import ClassVar

from appliance.daemon.authority import ensure_authority, issue
from tests.integration.proxy.school import School
from tests.integration.support_place import ROOT
from tests.integration.wlan.networks import Host, host_with_names

SITE, SITE6 = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
NOBODY6 = "2606:2800:21f:cb07::dead"
"""An address of the internet at which nobody answers."""
NAME, OTHER_NAME, BOTH = "www.seite.example", "andere.example", "beide.example"
BROKEN6, SILENT = "halb.example", "stumm.example"
_NAMES = {NAME: (SITE,), OTHER_NAME: (SITE,), BOTH: (SITE6, SITE), BROKEN6: (NOBODY6, SITE), SILENT: (NOBODY6,)}


class Outside(School):
    """A school with hardly a limit; all sites are in the internet, but for two at the proxy's own loopback.

    These are ``raw``, where the test answers, and ``echo``, a process that says what it hears on any number of
    connections.
    """

    FOLDERS: ClassVar = {**School.FOLDERS, "run/proxy": (0o700, True)}
    LIMIT = 1 << 40
    TIMES = (
        "head_timeout: 10 s\nidle_timeout: 2 s\nanswer_timeout: 15 s\ntunnel_timeout: 1 h\nconnect_timeout: 10 s\n"
        "workers: 2\nconnections: 20000\nconnections_per_address: 20000\n"
    )

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.server = host_with_names(folder, _NAMES)
        stack.callback(self.server.end)
        self.internet = Host()
        stack.callback(self.internet.end)
        self._link()
        super().__init__(folder, stack)
        issue(ensure_authority(folder / "internet", "example"), folder / "far", [*_NAMES], None)

    def listen(self, port: int, address: str = SITE) -> socket.socket:
        """Listen out there."""
        return self.internet.within(lambda: _listening(address, port))

    @property
    def far_context(self) -> ssl.SSLContext:
        """What trusts the sites of this internet."""
        return ssl.create_default_context(cafile=str(self.folder / "internet" / "ca.pem"))

    def far_side(self) -> ssl.SSLContext:
        """What the sites have."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "far" / "cert.pem", self.folder / "far" / "key.pem")
        return context

    def service(self, module: str, *listeners: str, user: object = None) -> object:
        """The program of a service, on the server."""
        daemon = super().service(module, *listeners, user={})
        own = self.owner
        groups = ",".join(map(str, own.groups))
        become = [f"--reuid={own.uid}", f"--regid={own.gid}", f"--groups={groups}" if groups else "--clear-groups"]
        enter, *where = self.server.argv("setpriv", *become, "--")
        daemon.prefix = [enter, f"--wd={ROOT}", *where]
        return daemon

    def _more(self, stack: contextlib.ExitStack) -> tuple[int, ...]:
        listener = stack.enter_context(self.server.within(lambda: _listening("127.0.0.1", 0)))
        number = listener.fileno()
        argv = ["/usr/bin/python3", str(Path(__file__).with_name("echo.py")), str(number)]
        process = subprocess.Popen(argv, pass_fds=(number,), stdin=subprocess.PIPE)
        stack.callback(process.communicate, timeout=15)
        self.echo = listener.getsockname()[1]
        return (self.echo,)

    def _raw(self) -> socket.socket:
        return self.server.within(lambda: _listening("127.0.0.1", 0))

    def _link(self) -> None:
        pid = self.internet.process.pid
        self.server.must(
            f"ip link add out type veth peer name in netns {pid}",
            "ip addr add 192.0.2.2/24 dev out",
            "ip -6 addr add 2001:db8::2/64 dev out nodad",
            "ip link set out up",
        )
        self.internet.must(
            "ip addr add 192.0.2.1/24 dev in",
            "ip -6 addr add 2001:db8::1/64 dev in nodad",
            f"ip addr add {SITE}/32 dev lo",
            f"ip -6 addr add {SITE6}/128 dev lo nodad",
            "ip link set in up",
            f"ip -6 route add blackhole {NOBODY6}/128",
        )
        self.server.must("ip route add default via 192.0.2.1", "ip -6 route add default via 2001:db8::1")


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=4096)
