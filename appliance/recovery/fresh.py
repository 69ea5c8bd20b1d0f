"""Whether this machine may become the school's server: it must have nothing that a recovery could overwrite.

May live here: looking. May not: making room; whoever wants that removes things by hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.setup.places import Places

_PACKAGES: Final = frozenset({"state-format"})
"""What the packages themselves write into the state."""

_OURS: Final = "recovery"
_FOLDERS: Final = ("homes", "groups", "mail")


def problems(places: Places) -> list[str]:
    """Give every reason why nothing can be brought back here, a sentence each; raises ``OSError``."""
    return list(_problems(places))


def _problems(places: Places) -> Iterator[str]:
    if not any(places.units.glob("schoolserver-*.service")):
        yield f"no unit of schoolserver is installed in {places.units}; install the packages first"
    if places.marker.exists():
        yield "this machine is a school's server already; a recovery is for a fresh one and overwrites nothing"
        return
    data = Path(str(places.layout["data"]))
    for folder, what in ((places.settings, "settings"), (places.state, "state")):
        if _holds_files(folder, frozenset({*_PACKAGES, _OURS})):
            yield f"{folder} holds {what} of a server already; look whose they are, then move them away"
    for name in _FOLDERS:
        if (data / name).is_dir() and any((data / name).iterdir()):
            yield f"{data / name} is not empty; look whose that is, then move it away"


def _holds_files(folder: Path, but: frozenset[str]) -> bool:
    """Whether there is anything in it but empty folders."""
    if not folder.is_dir():
        return False
    for place, folders, files in os.walk(folder):
        passed = but if Path(place) == folder else frozenset()
        folders[:] = [one for one in folders if one not in passed]
        if set(files) - passed:
            return True
    return False
