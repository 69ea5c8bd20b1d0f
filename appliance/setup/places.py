"""Where an installed server has its files. May live here: paths and what the packages fix. May not: looking there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BACKUP = "schoolserver-backup.socket"
"""The unit that is there where copies can be made."""

_LAYOUT = {
    "state": Path("/var/lib/schoolserver"),
    "runtime": Path("/run/schoolserver"),
    "data": Path("/srv/schoolserver"),
    "identity": "users",
    "launcher": "systemd",
}


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of settings, of the packages' units, of systemd's own settings, of the explained default settings.

    ``resolver``: the file that says whom this machine asks for names.

    ``closed``: what the unit of the daily renewal may not see (ProtectHome, PrivateTmp in its sandbox).
    ``layout``: what the packages' units know by heart, so that ``server.yaml`` cannot say otherwise.
    """

    settings: Path = Path("/etc/schoolserver")
    units: Path = Path("/usr/lib/systemd/system")
    overrides: Path = Path("/etc/systemd/system")
    resolver: Path = Path("/etc/resolv.conf")
    explained: Path = Path("/usr/share/schoolserver/etc")
    closed: tuple[Path, ...] = tuple(map(Path, ("/root", "/home", "/tmp", "/var/tmp", "/run/user")))  # noqa: S108
    layout: Mapping[str, object] = field(default_factory=lambda: dict(_LAYOUT))

    @property
    def state(self) -> Path:
        """Where the parts keep their own state."""
        return Path(str(self.layout["state"]))

    @property
    def marker(self) -> Path:
        """The file without which no unit starts; written when everything they need is there."""
        return self.state / "set-up"

    def with_directory(self, kind: str) -> Path:
        """The file without which the units of a directory of our own (``slapd``, ``domain``) do not start."""
        return self.state / f"with-{kind}"

    @property
    def with_wlan(self) -> Path:
        """The file without which the units of the WLAN do not start."""
        return self.state / "with-wlan"

    @property
    def answers(self) -> Path:
        """What was answered last, so that a later edit by hand can be told from it."""
        return self.state / "setup" / "answers.yaml"

    @property
    def under_way(self) -> Path:
        """There while a setup is under way: one that was cut short left it."""
        return self.state / "setup" / "under-way"

    @property
    def recovering(self) -> Path:
        """There while a recovery is under way (``restore --everything``): half a school must not be set up."""
        return self.state / "recovery" / "record.json"

    @property
    def authority(self) -> Path:
        """The local authority's certificate, for everybody to copy."""
        return self.settings / "ca.pem"
