"""The password of the account by which the server signs in to somebody else's directory: taken over from a file.

May live here: reading and placing it. May not: whether it is right (``schoolserver check --directory``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.daemon.identities import Identities
from appliance.daemon.whole_file import write_whole
from appliance.setup.plan import Change

if TYPE_CHECKING:
    from appliance.settings.load import Settings
    from appliance.setup.questions import Answers

_READERS: Final = ("supervisor", "auth")


def problems(settings: Settings, answers: Answers) -> Iterator[str]:
    """Say why there is no password to sign in with; nobody is let in without."""
    file = _answered(answers)
    if file is None and not all(path.exists() for path in _places(settings).values()):
        yield "directory_password: nothing is answered; allowed: a file with the password of directory_bind"
    elif file is not None and not _places_only(settings, file) and not _read(file):
        yield f"directory_password: {file} cannot be read, or is empty"


def changes(settings: Settings, answers: Answers) -> Iterator[Change]:
    """Say so where the file has another password than the one in use, or there is none yet."""
    file = _answered(answers)
    given = _read(file) if file is not None else ""
    if given and any(_read(path) != given for path in _places(settings).values()):
        yield Change("the password for the existing directory", "", f"as in {file}")


def bring(settings: Settings, answers: Answers) -> None:
    """Give the password to the parts that sign in with it, readable by each of them alone."""
    file = _answered(answers)
    given = _read(file) if file is not None else ""
    for part, path in _places(settings).items():
        if given and _read(path) != given:
            owner = Identities(settings.server).of(part)
            write_whole(path, given.encode(), 0o400, (owner.uid, owner.gid) if os.geteuid() == 0 else None)


def _answered(answers: Answers) -> Path | None:
    return answers["directory_password"].value if "directory_password" in answers else None


def _places(settings: Settings) -> dict[str, Path]:
    return {part: settings.server.state / part / "directory.password" for part in _READERS}


def _places_only(settings: Settings, file: Path) -> bool:
    """Whether the file was for the first time only, and has been removed since: the parts have theirs."""
    return not file.exists() and all(path.exists() for path in _places(settings).values())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
