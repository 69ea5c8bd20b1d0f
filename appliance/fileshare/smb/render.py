"""The shares of the domain's own Samba as text: Home, Groups, Staff. Pure; compared with a golden file.

May live here: text. May not: disk, processes, who may enter (the door, asked by ``root preexec``), what he may do
with files (the kernel, by modes alone). Nothing of Samba's own notion of rights is used: on a domain controller it
would give each new file to the group of all accounts, and let its owner open it to others (K05).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import appliance
from appliance.usage.unfinished import UNFINISHED

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_PROGRAM: Final = Path(appliance.__file__).resolve().parent.parent
_PYTHON: Final = ("/usr/bin/python3", "-I", "-S")
_MODULES: Final = "catia fruit streams_xattr"
_SHADOWS: Final = "shadow_copy2"
_TREE: Final = "tree"
_MAC: Final = {
    "vfs objects": _MODULES,
    "fruit:encoding": "native",  # catia: what Windows forbids in names has its own characters there
    "fruit:metadata": "stream",
    "fruit:resource": "file",
    "fruit:nfs_aces": "no",  # a Mac's chmod would open a file to others
    "fruit:wipe_intentionally_left_blank_rfork": "yes",
    "fruit:delete_empty_adfiles": "yes",
}
_RULES: Final = {
    "read only": "no",
    "guest ok": "no",
    "server smb encrypt": "required",
    "nt acl support": "no",
    "acl allow execute always": "no",
    "map archive": "no",
    "map readonly": "no",
    "follow symlinks": "no",
    "wide links": "no",
    "veto files": f"/{UNFINISHED}*/",
    "delete veto files": "yes",
    "hide dot files": "yes",
    "strict sync": "yes",
    "strict allocate": "no",
    "root preexec close": "yes",
    "dfree cache time": "5",
}


@dataclass(frozen=True, slots=True)
class Places:
    """``groups`` is the folder of group folders, ``doors`` that of the door: its socket, each person's links.

    ``ask`` is the command that asks the door, to which the question is added. ``space`` is the program, kept by the
    door, that tells the size of a drive: smbd starts it by this name alone, without a shell. ``shadows`` is the folder
    of former versions (``privileged.shadows``), ``None`` where there are none.
    """

    groups: Path
    doors: Path
    ask: Sequence[str]
    space: Path
    shadows: Path | None = None

    @property
    def homes(self) -> Path:
        r"""Where the door links ``DOMAIN\short.name`` to each home: Samba knows no other name of somebody."""
        return self.doors / "homes"

    @property
    def staff(self) -> Path:
        """Where it links those of the staff to their folder."""
        return self.doors / "staff"


def places(settings: Settings, shadows: bool = False) -> Places:
    """Return where all is by ``settings``; ``shadows``: there are former versions."""
    doors = settings.server.runtime / "smb"
    program = _PROGRAM / "appliance" / "fileshare" / "smb" / "ask.py"
    data = settings.server.data
    ask = (*_PYTHON, str(program), str(doors / "smb.sock"))
    return Places(data / "groups", doors, ask, space(settings), data / ".shadows" if shadows else None)


def space(settings: Settings) -> Path:
    """Return where the program is that tells the size of a drive; not below the runtime folder: nothing runs there."""
    return settings.server.state / "smb" / "dfree"


def render_shares(places: Places) -> str:
    """Return the sections that smb.conf includes. The share ``Groups`` shows to each only the folders that he may read.

    Modes: what is made in a home is its owner's alone, what is made in a group's folder belongs to its members (the
    folder is setgid); nothing is marked executable, so that a PC starts no program from here (K32).
    """
    home = {"comment": "Own folder", "path": f"{places.homes}/%u", **_modes("0600", "0700")}
    groups = {"comment": "Classes, courses, clubs", "path": str(places.groups), "hide unreadable": "yes"}
    staff = {"comment": "Staff", "path": f"{places.staff}/%u"}
    shared = _modes("0660", "0770")
    own, common = _shadows(places, places.homes), _shadows(places, places.groups, f"{_TREE}/groups")
    shares = {"Home": (home, own), "Groups": (groups | shared, common), "Staff": (staff | shared, {})}
    asked = _asked(places)
    return "\n".join(
        _section(name, options | _RULES | _MAC | shadows | asked) for name, (options, shadows) in shares.items()
    )


def _modes(file: str, folder: str) -> dict[str, str]:
    """Each new file and folder has just this mode; what is setgid the kernel passes on by itself."""
    return {
        "create mask": file,
        "force create mode": file,
        "directory mask": folder,
        "force directory mode": folder,
    }


def _shadows(places: Places, above: Path, within: str | None = None) -> dict[str, str]:
    """Show former versions ("Previous versions" in Windows): what of a path lies below ``above`` lies in each of them.

    So in a home it is the name that the door gave it; a share itself is ``within`` them. ``above`` need not be where
    a disk is mounted: Samba would look for that before the door has made the link, and open no share.
    """
    if places.shadows is None:
        return {}
    return {
        "vfs objects": f"{_SHADOWS} {_MODULES}",
        "shadow:mountpoint": str(above),
        "shadow:snapdir": str(places.shadows),
        **({} if within is None else {"shadow:snapsharepath": within}),
        "shadow:format": "@GMT-%Y.%m.%d-%H.%M.%S",
        "shadow:sort": "desc",
        "shadow:localtime": "no",
    }


def _asked(places: Places) -> dict[str, str]:
    """The process of the session (``%d``), who he is (``%u``; ``%U`` is what he called himself), what, whence."""
    ask = shlex.join(places.ask)
    return {"root preexec": f"exec {ask} enter '%d' '%u' '%S' '%I'", "dfree command": str(places.space)}


def _section(name: str, options: Mapping[str, str]) -> str:
    lines = (f"    {option} = {value}" for option, value in options.items())
    return "\n".join((f"[{name}]", *lines, ""))
