"""The Samba domain as the settings ask for it: its names and where its files are.

May live here: places and names. May not: text of its configuration (``render``), or doing anything (``prepare``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.directory.names import base_of
from appliance.directory.tree import Tree

if TYPE_CHECKING:
    from appliance.settings.load import Settings

SERVICES = ("supervisor", "auth")
PARTS = ("private", "state", "cache", "lock")
"""The folders of a domain's databases; ``private`` comes into its place last, and only when all are whole."""


@dataclass(frozen=True, slots=True)
class Domain:
    """``folder`` is the domain's own (configuration, databases, sysvol), ``runtime`` that of its sockets and pids.

    ``name`` is its DNS name, ``workgroup`` its NetBIOS name, ``host`` this server's name in it; ``school`` are the
    names of the school, which no password may contain; ``passwords`` the file of each service account's password;
    ``settings`` the folder that all this is from.
    """

    folder: Path
    runtime: Path
    name: str
    workgroup: str
    host: str
    school: tuple[str, ...]
    interfaces: tuple[str, ...]
    forwarders: tuple[str, ...]
    passwords: Mapping[str, Path]
    settings: Path

    @property
    def realm(self) -> str:
        """The Kerberos realm."""
        return self.name.upper()

    @property
    def fqdn(self) -> str:
        """This server's full name."""
        return f"{self.host}.{self.name}"

    @property
    def tree(self) -> Tree:
        """Where the school's entries are."""
        return Tree(base_of(self.name))

    @property
    def config(self) -> Path:
        """The rendered configuration."""
        return self.folder / "smb.conf"

    @property
    def shares(self) -> Path:
        """The shares beside those of the domain itself, as the supervisor has them installed; none at first."""
        return self.folder / "shares.conf"

    @property
    def private(self) -> Path:
        """The folder of the databases; it exists once the domain is made."""
        return self.folder / "private"

    @property
    def sysvol(self) -> Path:
        """The folder of group policies and log-on scripts."""
        return self.folder / "state" / "sysvol"

    @property
    def tls(self) -> Path:
        """The folder of the certificate, as the local authority gives it."""
        return self.folder / "tls"

    @property
    def authority(self) -> Path:
        """The certificate of the local authority."""
        return self.folder.parent / "authority" / "ca.pem"

    @property
    def administrator(self) -> Path:
        """The file with the password of the domain's Administrator, who joins PCs; root's."""
        return self.folder / "administrator.password"


def domain_of(settings: Settings) -> Domain:
    """Return where the domain of these settings is."""
    server, domain = settings.server, settings.domain
    return Domain(
        folder=server.state / "domain",
        runtime=server.runtime / "domain",
        name=domain.name,
        workgroup=domain.workgroup,
        host=domain.host,
        school=(settings.school.name,),
        interfaces=domain.interfaces,
        forwarders=domain.dns_forwarders,
        passwords={name: server.state / name / "directory.password" for name in SERVICES},
        settings=settings.folder,
    )
