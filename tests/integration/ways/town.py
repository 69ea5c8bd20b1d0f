"""A school's proxy between its networks and an internet of its own, in network namespaces; with real peers everywhere.

The phone of the WLAN is led to it by the rules that the firewall renders from the same settings. Beyond it are sites
at public addresses, and a nameserver that knows them. Nothing leaves the namespaces. May live here: who is where. May
not: what is tried. Root only.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from appliance.daemon.authority import ensure_authority, issue
from appliance.firewall.render import render
from appliance.firewall.rules import wlan_of
from appliance.policy.account import Role
from appliance.policy.owners import Binding
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.nameserver import dnsmasq
from tests.integration.support_daemon import Daemon
from tests.integration.support_lists import put_lists
from tests.integration.support_parts import Parts, person, short_folder
from tests.integration.ways.sites import Heard, sites
from tests.integration.wlan.networks import PC, PHONE, PHONE6, SERVER, Networks, networks
from tests.unit.proxy.test_hello import hello, names
from tests.unit.proxy.test_https_record import config, ech, listed

FRED, MARIA, ANNA = "fred.mustermann", "maria.lehrer", "anna.neu"
"""A pupil, a teacher, and a pupil of whom only one test has heard."""
PEOPLE = {
    one.login: one
    for one in (
        person(FRED, 20000, Role.PUPIL),
        person(MARIA, 20001, Role.TEACHER),
        person(ANNA, 20002, Role.PUPIL),
    )
}
GOOD, OTHER, SIX, RAW, LISTED, LATE = "9.9.9.10", "9.9.9.11", "2620:fe::10", "9.9.9.12", "9.9.9.13", "9.9.7.2"
CHOSEN, CHOSEN6 = "203.0.113.9", "2620:fe::77"
"""What the phone says it goes to, whatever the site."""
LISTED6 = "2620:fe::13"
BLOCKED = "spiele.example"
CLOSED = "spiele-seite.de"
"""Closed like the other, under a name that browsers take for one of the internet."""
ENGINE, SAFE, STRICT, MODERATE = "9.9.9.14", "9.9.9.15", "9.9.9.16", "9.9.9.17"
"""Search engines; one of them safely; YouTube so and so."""
HELLO_ID = 0xF1
_PUBLISHED = (b"\0\1\0" + ech(listed(config(HELLO_ID, name=b"front.example")))).hex()
"""An HTTPS record with a key for encrypted hellos (RFC 9848), which say front.example in clear."""
HELLO = hello(names(b"raw.example"))
NAMES: Mapping[str, str] = {
    "good.example": GOOD,
    "other.example": OTHER,
    "six.example": SIX,
    "raw.example": RAW,
    "hidden.example": RAW,
    "front.example": RAW,
    "cloudflare-ech.com": RAW,
    BLOCKED: GOOD,
    CLOSED: GOOD,
    "www.google.com": ENGINE,
    "forcesafesearch.google.com": SAFE,
    "www.youtube.com": ENGINE,
    "restrict.youtube.com": STRICT,
    "restrictmoderate.youtube.com": MODERATE,
    "www.bing.com": ENGINE,
    "strict.bing.com": PC,
    "duckduckgo.com": ENGINE,
    "inside.example": PC,
    "server.example": SERVER,
    "away.example": CHOSEN,
    "loop.example": "127.0.0.1",
    "loop6.example": "::1",
    "link.example": "169.254.1.1",
    "link6.example": "fe80::1",
    "zero.example": "0.0.0.0",
    "mapped.example": "::ffff:127.0.0.1",
    "nat.example": "64:ff9b::7f00:1",
    "bought.example": "9.9.8.7",
    "late.example": LATE,
    "silent.example": "9.9.6.6",
}
ENGINES = (ENGINE, SAFE, STRICT, MODERATE)
_OF_ENGINES = [name for name, address in NAMES.items() if address in ENGINES and name.endswith(".com")]
_NETWORK = (
    "networks: [10.1.0.0/16, 'fd12:1:1::/48', 9.9.8.0/24]\nwlan_networks: [10.1.64.0/18, 'fd12:1:1:64::/64']\n"
    "rooms: {'12': [10.1.12.0/24], wlan: [10.1.64.0/18]}\n"
)


class Town(Parts):
    """The school; ``net`` has its machines and ``heard`` is what the sites heard."""

    SERVICE, AUDIENCE = "proxy", "web"
    PEOPLE: ClassVar = PEOPLE
    TEACHERS = (2, 2)
    LISTENERS = ("proxy", "proxy-tls", "transparent-http", "transparent-tls")
    FOLDERS: ClassVar = {}
    NETWORK_YAML = _NETWORK
    PORTS: ClassVar = {"proxy": 3128, "proxy-tls": 3129, "transparent-http": 3130, "transparent-tls": 3131}

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.hosts, resolv, none = folder / "zone", folder / "resolv.conf", folder / "none"
        resolv.write_text("nameserver 127.0.0.1\n")
        none.write_text("")
        self.hosts.write_text("")
        self.net: Networks = stack.enter_context(networks({Path("/etc/resolv.conf"): resolv, Path("/etc/hosts"): none}))
        self.net.outside.must(
            *(f"ip addr add {one}/32 dev lo" for one in (GOOD, OTHER, RAW, LISTED, *ENGINES)),
            *(f"ip addr add {one}/128 dev lo nodad" for one in (SIX, LISTED6)),
        )
        self._names = self._serve_names(stack)
        self.world = ensure_authority(folder / "world", "example")
        issue(self.world, folder / "site", [name for name in NAMES if name.endswith(".example")], None)
        self.heard = Heard()
        served = (GOOD, OTHER, SIX, LISTED, LISTED6)
        stack.enter_context(sites(self.net.outside, served, folder / "site", self.heard))
        issue(ensure_authority(folder / "engines", "com"), folder / "engine", _OF_ENGINES, None)
        stack.enter_context(sites(self.net.outside, ENGINES, folder / "engine", self.heard))
        self.raw = stack.enter_context(self.net.outside.within(lambda: socket.create_server((RAW, 443))))
        self.raw.settimeout(10.0)
        files = {
            "proxy": (
                f"head_timeout: 1 s\nidle_timeout: 2 s\n"
                f"answer_timeout: 3 s\nconnect_timeout: 2 s\nconnections_per_address: 60\nconnections: 200\n"
                f"unnamed: ['{LISTED}:443', '{LISTED}:5223', '[{LISTED6}]:443']\n"
            ),
            "web": (
                "blocked_categories: {pupil: [games]}\n"
                "safe_search:\n  - {groups: [klasse10a], search: false, youtube: moderate}\n  - {roles: [pupil]}\n"
            ),
            "access": (
                "rules:\n"
                "  - {deny: [web], roles: [pupil], targets: [other.example]}\n"
                "  - {deny: [web], roles: [teacher], targets: [six.example]}\n"
                "modules: {web: all}\nconsents: {web: [logs]}\n"
            ),
        }
        super().__init__(folder, stack, files)
        put_lists(self.settings.server.state, {"games": [BLOCKED, CLOSED]})
        self.proxy = self.service("proxy", *self.LISTENERS)
        self.run(stack, self.proxy)
        self.net.load(render(wlan_of(self.settings)))

    # where things are

    def listener(self, name: str) -> socket.socket:
        def made() -> socket.socket:
            place = ("::", self.PORTS[name])
            return socket.create_server(place, family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)

        return self.net.server.within(made)

    def _daemon(self, module: str, settings: Any, listeners: tuple[str, ...], user: Mapping[str, Any]) -> Daemon:
        made = super()._daemon(module, settings, listeners, user)
        return made if module != "proxy" else _There(made, self)  # type: ignore[return-value]

    @property
    def trusted(self) -> ssl.SSLContext:
        """What trusts the sites, and nobody of the school."""
        return ssl.create_default_context(cafile=str(self.folder / "world" / "ca.pem"))

    # the phone

    def phone(self, address: str, port: int, timeout: float = 10.0) -> socket.socket:
        """A connection of the phone to whom it likes."""
        return self.net.phone.within(lambda: socket.create_connection((address, port), timeout))

    def own(self, login: str, address: str = PHONE, seconds: float = 3600.0) -> dict[str, Binding]:
        """The phone is a device of ``login``."""
        begin = datetime.now(UTC) - timedelta(seconds=1)
        return {address: Binding(login, begin, datetime.now(UTC) + timedelta(seconds=seconds))}

    def is_nobodys(self) -> bool:
        """Whether the proxy knows that the phone has no owner: a teacher's site and a pupil's are both closed."""
        return [self.open_to_phone(f"{name}.example") for name in ("good", "other", "six")] == [True, False, False]

    def open_to_phone(self, name: str, to: str = CHOSEN) -> bool:
        """Whether the phone gets the page of ``name``."""
        with self.phone(to, 80) as client:
            client.sendall(f"GET / HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
            return client.recv(12)[9:12] == b"200"

    def descriptors(self) -> int:
        """How many descriptors the proxy's worker has open."""
        (worker,) = self.proxy.children()
        return len(list(Path(f"/proc/{worker}/fd").iterdir()))

    def led(self, connection: socket.socket) -> socket.socket:
        """Lead ``connection`` of the phone on to raw.example; that site's end of it."""
        connection.sendall(HELLO)
        far, _ = self.raw.accept()
        far.settimeout(10.0)
        assert far.recv(len(HELLO)) == HELLO
        return far

    # names

    def now(self, name: str, address: str) -> None:
        """From now on the nameserver says that ``name`` is ``address``."""
        self.hosts.write_text(f"{address} {name}\n")
        self._names.send_signal(signal.SIGHUP)

    def _serve_names(self, stack: contextlib.ExitStack) -> subprocess.Popen[bytes]:
        records = [f"--host-record={name},{address},0" for name, address in NAMES.items()]
        records += [f"--host-record=mixed.example,{PC},0", f"--host-record=mixed.example,{GOOD},0"]
        records += [f"--dns-rr={name},65,{_PUBLISHED}" for name in ("hidden.example", "front.example")]
        records += ["--local=/com/de/", "--address=/safe.duckduckgo.com/"]
        records += [f"--addn-hosts={self.hosts}", "--local-ttl=0", "--user=root"]
        server = self.net.server
        return server.within(lambda: stack.enter_context(dnsmasq(53, "127.0.0.1", *records)))

    # what is written down

    @contextlib.contextmanager
    def refuses(self, *reasons: str) -> Iterator[None]:
        """Meanwhile exactly these refusals are recorded, each by a code that the carer can resolve."""
        begin = datetime.now(UTC).timestamp()
        with self.phone(CHOSEN, 443) as client:  # is refused after all that came before, and recorded after it
            client.sendall(b"?")
            client.recv(1)
        eventually(lambda: self._refusals(begin))
        before = self._refusals()
        yield
        eventually(lambda: len(self._refusals()) >= len(before) + len(reasons))
        assert self._refusals()[len(before) :] == list(reasons)

    def _refusals(self, since: float = 0.0) -> list[str]:
        place = self.settings.server.state / "audit" / "refusals.db"
        with contextlib.closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as base:
            asked = base.execute("SELECT reason FROM refusal WHERE time >= ? ORDER BY time", (since,))
            return [reason for (reason,) in asked]

    def used(self, **wanted: Any) -> list[dict[str, Any]]:
        """The events of use that have ``wanted``."""
        return [one for one in self.events if wanted.items() <= one.items()]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All that audit has written, in order."""
        folder = self.settings.server.state / "audit"
        lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines]


class _There:
    """A program on the server."""

    def __init__(self, daemon: Daemon, town: Town) -> None:
        self._daemon = daemon
        self._town = town

    def __getattr__(self, name: str) -> Any:
        return getattr(self._daemon, name)

    def start(self) -> None:
        self._town.net.server.within(self._daemon.start)


@contextlib.contextmanager
def start_town() -> Iterator[Town]:
    """All of it, until the end."""
    with short_folder() as (folder, stack):
        yield Town(folder, stack)


__all__ = ["PC", "PHONE", "PHONE6", "SERVER", "Town", "eventually", "start_town"]
