"""What is to be brought back, and to whom. May live here: what a carer may ask for. May not: doing it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from appliance.backup.problem import BackupError

HOMES: Final = "homes"
GROUPS: Final = "groups"
MAIL: Final = "mail"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_MOST_PATHS: Final = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """``paths`` (patterns) of the home or mailbox of an account, or of a group's folder, called ``name``.

    ``part`` is one of those above, ``number`` the account's uid or the group's gid. For mail the paths are mail
    folders, and none means all. ``date``: a day or a snapshot (``days.meant``). ``room``: so many bytes may be added
    (``None``: no bound). Raises :class:`BackupError` (``refused``).
    """

    part: str
    name: str
    number: int
    paths: tuple[str, ...]
    date: str | None = None
    room: int | None = None

    def __post_init__(self) -> None:
        """Refuse what names nobody."""
        if self.part not in (HOMES, GROUPS, MAIL) or not _NAME.fullmatch(self.name):
            raise BackupError("refused", "this is no login and no group")
        if len(self.paths) > _MOST_PATHS or not (self.paths or self.part == MAIL):
            raise BackupError("refused", f"which files? Name one to {_MOST_PATHS} with --path")

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Wanted:
        """Take what the privileged process hands over; raises :class:`BackupError` (``refused``)."""
        paths, room, date = arguments.get("paths"), arguments.get("room"), arguments.get("date")
        good = isinstance(paths, list) and all(isinstance(path, str) for path in paths)
        if not good or not isinstance(room, int | None) or not isinstance(date, str | None):
            raise BackupError("refused", "part, name, number and paths are needed")
        try:
            part, name, number = str(arguments["part"]), str(arguments["name"]), int(arguments["number"])
        except (KeyError, ValueError, TypeError) as error:
            raise BackupError("refused", "part, name, number and paths are needed") from error
        return cls(part, name, number, tuple(paths or ()), date, room)
