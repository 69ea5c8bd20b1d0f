"""Whether what is in a dump can run on this machine, asked before anything of it is written. May not: writing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from appliance.recovery.dump import Inside
from appliance.setup import directory
from appliance.setup.places import Places
from appliance.setup.plan import Wrong
from appliance.setup.survey import candidate

_NEEDED: Final = {"slapd": "schoolserver-directory", "domain": "schoolserver-domain"}


def check(inside: Inside, places: Places) -> None:
    """Raise :class:`Wrong` with every reason why it cannot."""
    problems = []
    ours = _form(places.state / "state-format")
    if inside.form > ours:
        problems.append(
            f"the school ran a newer version (its state has the form {inside.form}, this version knows up to {ours});"
            " install that version here"
        )
    kind = candidate(places, inside.settings).directory.kind
    if kind in directory.UNITS and not (places.units / f"schoolserver-{directory.UNITS[kind]}.service").exists():
        problems.append(f"the school's directory is {kind}; install the package {_NEEDED[kind]}")
    if problems:
        raise Wrong(problems)


def _form(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
