"""The embedded slapd as the settings ask for it: where its files are and what checking a password costs.

May live here: places and figures. May not: text of its configuration (``render``), or doing anything (``prepare``).
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


@dataclass(frozen=True, slots=True)
class Embedded:
    """``folder`` is slapd's own (configuration and database), ``socket`` what it listens on.

    ``passwords`` names the file with the password of each service account; ``argon2_memory`` is in KiB.
    """

    tree: Tree
    folder: Path
    socket: Path
    passwords: Mapping[str, Path]
    argon2_memory: int
    argon2_time: int

    @property
    def config(self) -> Path:
        """The rendered configuration."""
        return self.folder / "slapd.conf"

    @property
    def database(self) -> Path:
        """The folder of the database; it exists once the first initialisation is complete."""
        return self.folder / "db"


def embedded(settings: Settings) -> Embedded:
    """Return where the embedded slapd of these settings is."""
    server, directory = settings.server, settings.directory
    return Embedded(
        tree=tree_of(settings),
        folder=server.state / "directory",
        socket=server.runtime / "directory" / "ldapi.sock",
        passwords={name: password_file(settings, name) for name in SERVICES},
        argon2_memory=directory.argon2_memory // 1024,
        argon2_time=directory.argon2_time,
    )


def tree_of(settings: Settings) -> Tree:
    """Return the tree, whose top the settings name or the school's domain gives."""
    return Tree(settings.directory.base or base_of(settings.school.domain))


def password_file(settings: Settings, account: str) -> Path:
    """Return the file with the password of the service account ``account``, readable by that service only."""
    return settings.server.state / account / "directory.password"
