"""What lies where in the dump: the settings, the state and the databases' exports of one night, as one tar archive.

May live here: names, and the table of our system users. May not: making the archive (``dump``) or unpacking it
(``recovery``).

    users.json             whose the numbers are, see :class:`Users`
    settings/...           the folder of settings
    state/...              the folder of state, without what is exported, grows again or may not leave the machine
    exports/PART/NAME.db   each SQLite database below the state, from state/PART/NAME.db
    exports/directory.ldif slapd's entries (slapcat)
    exports/domain/domain.tar.bz2  the domain (samba-tool domain backup offline)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.backup.problem import BackupError

USERS: Final = "users.json"
SETTINGS: Final = "settings"
STATE: Final = "state"
EXPORTS: Final = "exports"
_NAME: Final = re.compile(r"schoolserver(-[a-z]{1,20})?", re.ASCII)
_OURS: Final = "schoolserver"


@dataclass(frozen=True, slots=True)
class Users:
    """Numbers of our system ``users`` and ``groups`` by name; installing packages gives others on another machine."""

    users: Mapping[str, int]
    groups: Mapping[str, int]

    def encode(self) -> bytes:
        """Its bytes in the dump."""
        return json.dumps({"users": dict(self.users), "groups": dict(self.groups)}, sort_keys=True).encode("ascii")

    @classmethod
    def decode(cls, data: bytes) -> Users:
        """Read it; raises :class:`BackupError` (``refused``) for what is no such table."""
        try:
            found = json.loads(data)
            kept = cls(found["users"], found["groups"])
            numbers = [*kept.users.items(), *kept.groups.items()]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BackupError("refused", "the dump's table of users is none") from error
        if not all(_NAME.fullmatch(name) and type(number) is int and 0 < number < 1 << 32 for name, number in numbers):
            raise BackupError("refused", "the dump's table of users has a line that is none")
        return kept


def here(passwd: str, group: str) -> Users:
    """Give the table of a machine by the texts of its /etc/passwd and /etc/group."""
    return Users(_numbers(passwd.splitlines()), _numbers(group.splitlines()))


def of_this_machine() -> Users:
    """Give the table of this machine; raises ``OSError``."""
    return here(*(Path(path).read_text(encoding="utf-8", errors="replace") for path in ("/etc/passwd", "/etc/group")))


def _numbers(lines: Iterable[str]) -> dict[str, int]:
    fields = (line.split(":") for line in lines if line.startswith(_OURS))
    return {one[0]: int(one[2]) for one in fields if len(one) > 2 and _NAME.fullmatch(one[0]) and one[2].isdigit()}
