"""A whole school: server, pc, tablet and backup in the building, origin in a small internet of its own.

May live here: which hosts there are, and what scenarios ask of them again and again. May not: scenarios.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.integration.demo.waiting import eventually
from tests.school.box import desk, furnishing, layers, small_internet
from tests.school.box.disk import Disk
from tests.school.box.furnishing import DOMAIN
from tests.school.box.host import Host
from tests.school.box.layers import Recipe
from tests.school.box.network import Network, network
from tests.school.box.transcript import play
from tests.school.box.workspace import cgroup_of, run_folder

ALL = ("origin", "backup", "pc", "tablet", "server")
_DISK = 3 << 30
_WELL_WITHIN = 60.0
_PLACES = {
    "origin": (f"{small_internet.ADDRESS}/24", "10.88.0.0/16"),
    "backup": ("10.88.0.2/16", ""),
    "pc": ("10.88.12.1/16", ""),
    "tablet": ("10.88.20.1/16", ""),
    "desk": ("10.88.12.2/16", ""),
    "second": ("10.88.0.3/16", ""),
    "server": ("10.88.0.1/16", "192.88.99.0/24"),
    "fresh": ("10.88.0.1/16", "192.88.99.0/24"),
}
"""Name to address and routes: only the server reaches the internet. A desk is a PC that joins the domain.

``fresh`` is the machine that is bought when the server is lost; it gets the server's address.
"""
_NAMES = f"127.0.0.1 localhost\n10.88.0.1 server.{DOMAIN} server\n10.88.0.2 backup.{DOMAIN} backup\n"
_OF_SUITE = ("server", "fresh", "desk")
_PEER = Recipe(
    "peer",
    (*small_internet.PACKAGES, "curl", "lftp", "libnet-ssleay-perl", "openssh-server", "rsync", "swaks"),
    f"systemctl disable ssh.service\n{small_internet.CERTIFICATE}",
)
_DESK = Recipe(
    "desk",
    (*desk.packages(), "cron", "curl", "python3", "python3-gssapi", "ldap-utils", "smbclient", "systemd-timesyncd"),
)
_SERVER = Recipe("server", (*layers.run_time_packages(), "ldap-utils"))
_RECIPES = {"server": _SERVER, "fresh": _SERVER, "second": _SERVER, "desk": _DESK}


class School:
    """The hosts, switched on but for the spare ones, and the recovery ``sheet``; use :func:`school`."""

    def __init__(self, hosts: Mapping[str, Host], sheet: str = "") -> None:
        self.hosts = dict(hosts)
        self.sheet = sheet
        self.server, self.pc = hosts["server"], hosts["pc"]

    def play(self, text: str, timeout: float = 60.0) -> str:
        """Play a transcript (see ``transcript``, and ``furnishing.variables`` for names and passwords)."""
        return play(self.hosts, text, timeout=timeout)

    def comes(self, text: str, within: float = _WELL_WITHIN) -> None:
        """Wait until a transcript plays as written."""

        def played() -> bool:
            self.play(text)
            return True

        eventually(played, within, text)

    def well(self) -> None:
        """Wait until the server itself says that all is well."""
        self.comes("server# schoolserver status")

    def inbox(self, who: str) -> list[str]:
        """The Message-IDs that somebody finds in his mailbox."""
        return self.pc.run(f'client.py inbox "${who}_LOGIN" "${who}_PASSWORD"').split()

    def digests(self, who: str, folder: str) -> dict[str, str]:
        """Name to SHA-256 of what somebody finds in a folder."""
        lines = self.pc.run(f'client.py digests "${who}_LOGIN" "${who}_PASSWORD" {folder}', timeout=240).splitlines()
        return dict(map(str.split, lines))


@contextlib.contextmanager
def school(
    suite: str = "bookworm", wanted: Sequence[str] = ALL, directory: str = "slapd", spare: Sequence[str] = ()
) -> Iterator[School]:
    """Boot the ``wanted`` hosts, install our packages, set the school up with ``directory`` and import its roster.

    The ``spare`` ones are there, switched off.
    """
    with hosts(suite, wanted, spare) as booted:
        sheet = ""
        furnishing.install(booted["server"])
        if "backup" in booted:
            furnishing.install(booted["backup"], second_place=True)
        furnishing.set_up(booted["server"], with_backup="backup" in booted, directory=directory)
        if "backup" in booted:
            sheet = furnishing.second_place(booted["server"], booted["backup"])
        for name in ("pc", "tablet"):
            if name in booted:
                furnishing.trust_school(booted[name], booted["server"])
        found = School(booted, sheet)
        found.well()
        yield found


@contextlib.contextmanager
def hosts(suite: str, wanted: Sequence[str], spare: Sequence[str] = ()) -> Iterator[Mapping[str, Host]]:
    """Plain Debian hosts on one network, booted but for the ``spare`` ones.

    Server, fresh and desk are of ``suite``, the others of Debian 12.
    """
    with run_folder() as folder, network(cgroup_of(folder)) as net:
        made = {
            name: _host(net, folder, name, suite if name in _OF_SUITE else "bookworm") for name in (*wanted, *spare)
        }
        for name in wanted:
            made[name].boot()
        yield made


def _host(net: Network, folder: Path, name: str, suite: str) -> Host:
    recipe = _RECIPES.get(name, _PEER)
    host = Host(net, name, Disk(net, folder / name, layers.layers(suite, recipe), _DISK), *_PLACES[name])
    host.environment = furnishing.variables()
    if name == "desk":
        desk.furnish(host)
        return host
    host.write("/etc/hosts", _NAMES)
    host.write("/etc/resolv.conf", f"nameserver {small_internet.ADDRESS}\noptions timeout:1 attempts:1\n")
    if name == "origin":
        small_internet.furnish(host)
    if name in ("pc", "tablet"):
        host.copy_in(Path(__file__).with_name("client.py"), "/usr/local/bin/client.py", 0o755)
    return host
