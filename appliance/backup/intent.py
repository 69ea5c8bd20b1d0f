"""What a copy is made of and where it goes. May live here: the intent. May not: rsync's or ssh's words (``argv``).

Nothing is run here, and nothing read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.backup.problem import BackupError

if TYPE_CHECKING:
    from appliance.settings.load import Settings


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of this machine, called ``name`` (lower-case letters) in the copy; ``without``: rsync's patterns."""

    name: str
    folder: Path
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecondPlace:
    """Where copies go, and what proves both sides to each other; ``timeout`` and ``silence`` in seconds.

    ``line`` is the socket of a connection that can be shared.
    """

    user: str
    host: str
    port: int
    key: Path
    known_hosts: Path
    timeout: float
    silence: float
    bandwidth: int | None = None
    line: Path | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """Our folder below the state: the record for status, exported databases, the key to the second place.

    ``runtime``: for a socket, whose path must be short.
    """

    folder: Path
    runtime: Path

    @property
    def keys(self) -> Path:
        """The key, and the keys of the second place's machine; for root alone."""
        return self.folder / "ssh"

    @property
    def export(self) -> Path:
        """Databases as they are copied: whole, at one moment."""
        return self.folder / "export"

    @property
    def line(self) -> Path:
        """Where a copy shares its connection."""
        return self.runtime / "line"

    def make(self) -> None:
        """Make the folders that are missing; raises ``OSError``."""
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        for folder in (self.keys, self.runtime):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def own_folder(settings: Settings) -> Own:
    """Our folder under these settings."""
    return Own(settings.server.state / "backup", settings.server.runtime / "backup")


def parts(settings: Settings) -> tuple[Part, ...]:
    """Everything that a school needs back (K07), what people made first.

    Not copied: what is under way, databases as they lie there (their exports are), logs, our own keys, refusals, which
    are not to be kept for longer than a day, and the web filter's lists, which are fetched again.
    """
    data, state = settings.server.data, settings.server.state
    under_way = ("/.making-*", "/.removed-*", "/.restoring-*", ".schoolserver-upload-*")
    living = (
        "/backup",
        "/log",
        "/audit",
        "/directory/db",
        "/directory/lock",
        "/domain",
        "/filter",
        "*.db",
        "*.db-wal",
        "*.db-shm",
        "*.tally",
    )
    return (
        Part("homes", data / "homes", under_way),
        Part("groups", data / "groups", under_way),
        Part("mail", data / "mail", ("/.tmp", "/.spool", *under_way[:2], "/*/tmp/*", "/*/.*/tmp/*")),
        Part("settings", settings.folder),
        Part("state", state, living),
        Part("exports", own_folder(settings).export),
    )


def second_place(settings: Settings) -> SecondPlace:
    """Where the copies go; raises :class:`BackupError` (``not-set-up``) when the settings name no place."""
    wanted = settings.backup
    if wanted.target is None:
        raise BackupError("not-set-up", "no second place is set; name one in backup.yaml: target")
    user, _, host = wanted.target.partition("@")
    keys = own_folder(settings).keys
    return SecondPlace(
        user,
        host,
        wanted.port,
        keys / "key",
        keys / "known_hosts",
        wanted.timeout,
        wanted.silence,
        wanted.bandwidth,
    )
