"""What a copy is made of and where it goes. May live here: the intent. May not: rsync's or ssh's words (``argv``).

Nothing is run here, and nothing read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.backup.problem import BackupError
from appliance.backup.scan import NOTHING, Without

if TYPE_CHECKING:
    from appliance.settings.load import Settings


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of this machine, called ``name`` in the backup; ``without``: what is under way in a unit of it.

    ``whole``: it is one unit, else each folder in it is; ``owned``: a unit is of the account that owns its folder;
    ``homes``: else of the one whose home there is called so.
    """

    name: str
    folder: Path
    without: Without = NOTHING
    whole: bool = False
    owned: bool = False
    homes: Path | None = None


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

    @property
    def school(self) -> str:
        """What the school is called over there: its user is ``schoolbackup-SCHOOL``."""
        prefix, _, name = self.user.partition("-")
        return name if prefix == "schoolbackup" and name else "school"


@dataclass(frozen=True, slots=True)
class Own:
    """Our folder below the state: the record for status, exported databases, keys, and what the last run knew.

    ``runtime``: for a socket, whose path must be short.
    """

    folder: Path
    runtime: Path

    @property
    def keys(self) -> Path:
        """The key, and the keys of the second place's machine; for root alone."""
        return self.folder / "ssh"

    @property
    def recovery(self) -> Path:
        """The public half of the recovery key, to which dumps are encrypted; there once a backup server is paired."""
        return self.folder / "recovery.pub"

    @property
    def export(self) -> Path:
        """Databases as they are copied: whole, at one moment."""
        return self.folder / "export"

    @property
    def outgoing(self) -> Path:
        """The folder ``manifest`` as it is sent, the dump in it."""
        return self.folder / "outgoing"

    @property
    def stamps(self) -> Path:
        """What the last run knew of each file."""
        return self.folder / "stamps"

    @property
    def line(self) -> Path:
        """Where a copy shares its connection."""
        return self.runtime / "line"

    def make(self) -> None:
        """Make the folders that are missing; raises ``OSError``."""
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        out = self.outgoing
        for folder in (self.keys, self.runtime, out, out / "manifest", out / "manifest" / "sections"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def own_folder(settings: Settings) -> Own:
    """Our folder under these settings."""
    return Own(settings.server.state / "backup", settings.server.runtime / "backup")


def parts(settings: Settings) -> tuple[Part, ...]:
    """What is copied as it lies there (K07); all else that a school needs back is in the sealed dump (``dump``).

    Not copied: uploads under way, mails that are being delivered, and refusals, which are not to be kept for longer
    than a day.
    """
    data, state = settings.server.data, settings.server.state
    uploads = Without(anywhere=(".schoolserver-upload-",))
    return (
        Part("homes", data / "homes", uploads, owned=True),
        Part("groups", data / "groups", uploads),
        Part("mail", data / "mail", Without(barren=_being_delivered), homes=data / "homes"),
        Part("audit", state / "audit", Without(at_top=("refusals.db",)), whole=True),
    )


def _being_delivered(folder: bytes) -> bool:
    """Whether this folder of a Maildir++ holds mails that are not delivered yet."""
    above, _, name = folder.rpartition(b"/")
    return name == b"tmp" and b"/" not in above and (not above or above.startswith(b"."))


def second_place(settings: Settings) -> SecondPlace:
    """Where the copies go; raises :class:`BackupError` (``not-set-up``) when the settings name no place."""
    wanted = settings.backup
    if wanted.target is None:
        raise BackupError("not-set-up", "backup.yaml names no backup server (target); see schoolserver backup pair")
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
