"""What is there before setup does anything: settings, units, ports, certificates. Everything here only looks."""

from __future__ import annotations

import grp
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.daemon.options import SettingsError
from appliance.settings.load import load
from appliance.setup import edit, resolver
from appliance.setup.directory import UNITS, Standing, fitting
from appliance.setup.places import Places
from appliance.setup.plan import Wrong
from appliance.setup.questions import Answers, read_answers
from appliance.setup.sockets import DROP_IN
from appliance.setup.system import System

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_ENGINES = {
    "directory": ("slapd.service",),
    "domain": ("samba-ad-dc.service", "smbd.service", "nmbd.service", "winbind.service"),
    "time": ("chrony.service",),
    "imap": ("dovecot.socket", "dovecot.service"),
}
"""Our unit -> Debian's own of the same engine, which would have its ports."""


@dataclass(frozen=True, slots=True)
class Found:
    """``texts`` of the settings files by name; ``last`` answers; ``drop_ins`` of sockets by unit; ``units`` installed.

    ``engines``: Debian's own units that run, by the unit of ours that takes their place. ``admins``: members of the
    group of carers. ``resolver``: what says whom the machine asks for names. ``set_up``: whether setup was here before;
    ``cut_short``: and did not come to its end; ``directory``: which one there is already; ``wlan``: one is taken.
    """

    texts: Mapping[str, str]
    last: Answers
    drop_ins: Mapping[str, str]
    units: frozenset[str]
    engines: Mapping[str, tuple[str, ...]]
    admins: frozenset[str]
    resolver: str
    set_up: bool
    cut_short: bool
    directory: Standing
    wlan: bool


def survey(places: Places, system: System) -> Found:
    """Look at the machine. Raises :class:`Wrong` where something cannot even be read."""
    units = _units(places)
    engines = {
        ours: tuple(name for name in names if system.ask("is-active", name))
        for ours, names in _ENGINES.items()
        if ours in units
    }
    texts = settings_texts(places.settings)
    return Found(
        texts=texts,
        last=last_answers(places),
        drop_ins=_drop_ins(places.overrides),
        units=units,
        engines=engines,
        admins=_members(),
        resolver=resolver.read(places.resolver),
        set_up=places.marker.exists(),
        cut_short=places.under_way.exists(),
        directory=_directory(places, texts),
        wlan=places.with_wlan.exists(),
    )


def fitting_here(places: Places) -> str:
    """Give the kind of directory that fits this machine."""
    return fitting(_units(places), _directory(places, settings_texts(places.settings)))


def _units(places: Places) -> frozenset[str]:
    """Which units of ours are installed."""
    found = places.units.glob("schoolserver-*.service")
    return frozenset(path.name.removeprefix("schoolserver-").removesuffix(".service") for path in found)


def candidate(places: Places, texts: Mapping[str, str]) -> Settings:
    """Check the settings in full as they would be; raises :class:`Wrong` with every problem."""
    with tempfile.TemporaryDirectory(prefix="schoolserver-setup-") as name:
        for file, text in texts.items():
            (Path(name) / file).write_text(text, encoding="utf-8")
        try:
            settings = load(Path(name))
        except SettingsError as error:
            raise Wrong(map(str, error.problems)) from error
    odd = [
        f"server.yaml: {key} is {getattr(settings.server, key)}, but the installed units know {value} only"
        f"{f'; mount the disk at {value}, or make that a link to it' if key == 'data' else ''}"
        for key, value in places.layout.items()
        if getattr(settings.server, key) != value
    ]
    if odd:
        raise Wrong(odd)
    return replace(settings, folder=places.settings)


def settings_texts(folder: Path) -> dict[str, str]:
    """Give name -> text of each settings file; raises :class:`Wrong` where one cannot be read."""
    texts = {}
    try:
        for path in sorted(folder.glob("*.y*ml")):
            texts[path.name] = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Wrong([f"{path}: found the byte 0x{error.object[error.start]:02x}; allowed: text in UTF-8"]) from error
    except OSError as error:
        raise Wrong([f"{error.filename} cannot be read: {error.strerror}"]) from error
    return texts


def last_answers(places: Places) -> Answers:
    """What was answered last, also to a setup that was cut short."""
    if not places.answers.exists():
        return {}
    try:
        return read_answers(places.answers)
    except SettingsError:
        return {}  # of a release that asked other things


def _directory(places: Places, texts: Mapping[str, str]) -> Standing:
    made = {"slapd": places.state / "directory" / "db" / "data.mdb", "domain": places.state / "domain" / "private"}
    made_for = places.state / "domain" / "made-for"
    kind = edit.find(texts.get("directory.yaml", ""), "kind")
    return Standing(
        kind=str(kind.value) if kind is not None else "slapd",
        made=frozenset(name for name, path in made.items() if path.exists()),
        marked=frozenset(name for name in UNITS if places.with_directory(name).exists()),
        domain=tuple(made_for.read_text(encoding="utf-8").split(", ")) if made_for.exists() else None,
        set_up=places.marker.exists(),
    )


def _drop_ins(folder: Path) -> dict[str, str]:
    found = folder.glob(f"schoolserver-*.socket.d/{DROP_IN}")
    return {path.parent.name.removesuffix(".d"): path.read_text(encoding="utf-8", errors="replace") for path in found}


def _members() -> frozenset[str]:
    try:
        return frozenset(grp.getgrnam("schoolserver-admin").gr_mem)
    except KeyError:
        return frozenset()


def out_of_sight(places: Places, paths: Iterable[Path]) -> list[str]:
    """Say which of the school's own files lie where the daily renewal could not read them."""
    return [
        f"{path} lies in {folder}, into which the daily renewal may not look; put it below /etc/ssl, for example"
        for path in paths
        for folder in places.closed
        if path.absolute().is_relative_to(folder) or path.resolve().is_relative_to(folder)
    ]


def writable(places: Places) -> list[str]:
    """Say which folders cannot be written to, and why: read-only disks, missing rights."""
    problems = []
    for folder in (places.settings, places.overrides, places.state):
        there = next(one for one in (folder, *folder.parents) if one.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            problems.append(f"{there} cannot be written to")
    return problems
