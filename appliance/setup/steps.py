"""Doing a plan, in steps of which each may be cut short and done again.

Files are written whole, nothing starts before the marker, and the marker is written when everything it stands for is
on the disk: so after a power cut either nothing of ours starts, or all of it does. May not live here: decisions.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from appliance.daemon.authority import standing
from appliance.daemon.whole_file import sync_folder, write_candidate, write_whole
from appliance.directory.examine import examine
from appliance.setup import certificates, domain, foreign, subvolumes, wlan
from appliance.setup.directory import UNITS
from appliance.setup.places import Places
from appliance.setup.prepare import Plan
from appliance.setup.sockets import DROP_IN, tcp_sockets
from appliance.setup.system import System, SystemProblem, reload

TARGET = "schoolserver.target"
_DIRECTORY = "directory.yaml"
_SUPERVISOR = "schoolserver-supervisor.service"
_WITH_THE_MACHINE = (TARGET, _SUPERVISOR, "schoolserver-certificates.timer")
_KEPT = "# What schoolserver setup was answered last, to tell later edits by hand from it. Kept by setup.\n"


@dataclass(frozen=True, slots=True)
class Step:
    """One step, as the carer reads it, and what does it."""

    text: str
    act: Callable[[], None]


@dataclass(slots=True)
class Doing:
    """A plan being done; ``progress`` gets how many accounts and groups have moved, and of how many.

    Afterwards ``renewed`` names units with a new certificate; ``new_authority``: devices have to be told; ``started``:
    the server runs; ``hints``: what to know about an existing directory.
    """

    places: Places
    system: System
    plan: Plan
    progress: Callable[[int, int], None] = lambda _done, _all: None
    renewed: list[str] = field(default_factory=list)
    new_authority: bool = False
    started: bool = False
    hints: list[str] = field(default_factory=list)

    def steps(self) -> Sequence[Step]:
        """Everything there is to do, in order."""
        kind, moving = self.plan.settings.directory.kind, self.plan.moving is not None
        made = (Step("domain", self._domain),) if kind == "domain" else ()
        moved = (Step("accounts and groups", self._move), Step("change of directory", self._switch)) if moving else ()
        return (
            Step("settings", self._settings),
            Step("folders", self._folders),
            Step("Debian's own engines", self._engines),
            Step("certificates", self._certificates),
            *(() if kind in UNITS else (Step("existing directory", self._existing),)),
            *made,
            *moved,
            Step("users", self._users),
            Step("sockets", self._sockets),
            Step("units", self._units),
            Step("mark as set up", self._mark),
            Step("start", self._start),
            *((Step("names", self._names),) if self.plan.resolver is not None else ()),
        )

    def _settings(self) -> None:
        """Which directory is written when the accounts are in it."""
        self.places.under_way.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self.places.under_way, b"", 0o600)
        texts = self.plan.wishes.texts
        if self.plan.moving is not None:
            texts = {name: text for name, text in texts.items() if name != _DIRECTORY}
        write_settings(self.places.settings, texts)
        write_whole(self.places.answers, _remembered(self.plan).encode(), 0o600)

    def _folders(self) -> None:
        """What the packages have it made of, and what only these settings ask for."""
        self.system.folders()
        if self.plan.first:
            subvolumes.apart(self.plan.settings.server.data)
        if self.plan.settings.directory.kind not in UNITS:
            foreign.bring(self.plan.settings, self.plan.wishes.answers)

    def _existing(self) -> None:
        """Somebody else's directory has to be as our parts need it; what would merely be better is told."""
        found = examine(self.plan.settings)
        if grave := [finding.text for finding in found if finding.grave]:
            raise SystemProblem("the existing directory is not as it has to be:\n" + "\n".join(grave))
        self.hints += [finding.text for finding in found]

    def _domain(self) -> None:
        """One that runs is made, and nobody else may touch its databases."""
        if self.system.ask("is-active", "schoolserver-domain.service"):
            return
        domain.make(self.plan.settings, self.plan.directory.begins_anew(self.plan.settings))

    def _move(self) -> None:
        """Slapd goes on serving meanwhile."""
        move = self._way()
        move.beside()
        move.accounts(self.progress)

    def _switch(self) -> None:
        texts = {_DIRECTORY: self.plan.wishes.texts[_DIRECTORY]}
        self._way().switch(lambda: write_settings(self.places.settings, texts))

    def _way(self) -> domain.Move:
        assert self.plan.moving is not None  # noqa: S101 - or these are no steps of the plan
        return domain.Move(self.places, self.system, self.plan.moving, self.plan.settings)

    def _names(self) -> None:
        assert self.plan.resolver is not None  # noqa: S101 - or it is no step of the plan
        write_whole(self.places.resolver, self.plan.resolver.encode(errors="surrogateescape"), 0o644)

    def _engines(self) -> None:
        """They stay off because of the marker (ConditionPathExists in the packages' drop-ins), until a purge."""
        if self.plan.going:
            self.system.do("stop", *self.plan.going)

    def _certificates(self) -> None:
        before = standing(self.places.authority)
        self.renewed = certificates.bring(self.plan.settings, self.plan.parts, self.places.authority)
        self.new_authority = standing(self.places.authority) != before

    def _users(self) -> None:
        for login in self.plan.admins:
            self.system.join(login)

    def _sockets(self) -> None:
        for socket in self.plan.moved:
            folder = self.places.overrides / f"{socket}.d"
            if socket in self.plan.drop_ins:
                folder.mkdir(mode=0o755, parents=True, exist_ok=True)
                write_whole(folder / DROP_IN, self.plan.drop_ins[socket].encode(), 0o644)
            else:
                (folder / DROP_IN).unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    folder.rmdir()  # somebody else's drop-ins stay

    def _units(self) -> None:
        """Sockets whose address changes go down first: systemd closes their old ones when it reads the new address."""
        names = [one for socket in self._anew() for one in (self._service(socket), socket)]
        if names:
            self.system.do("stop", *dict.fromkeys(names))
        for unit in self.plan.closing:
            self.system.do("stop", unit)
        self.system.do("daemon-reload")
        self.system.do("enable", *(name for name in _WITH_THE_MACHINE if (self.places.units / name).exists()))

    def _mark(self) -> None:
        os.sync()  # what other programs wrote for us must be on the disk before the marker is
        domain.only(self.places, self.plan.settings.directory.kind)
        if left := [UNITS[kind] for kind in self.plan.directory.marked - {self.plan.settings.directory.kind}]:
            self.system.do("stop", *(f"schoolserver-{unit}.service" for unit in left))
        wlan.mark(self.places, wanted=bool(self.plan.settings.network.wlan_networks))
        if not self.places.marker.exists():
            write_whole(self.places.marker, b"schoolserver setup was here: the units may start.\n", 0o644)

    def _start(self) -> None:
        """All else than what was taken down goes on running; the supervisor alone is to learn of another address."""
        plan = self.plan
        self.started = self.system.do("start", TARGET)
        if self._other_directory():
            self.system.do("restart", *self._services())
            self.places.under_way.unlink(missing_ok=True)
            return
        if self._anew() and plan.settings.network.wlan_networks:
            self.system.do("restart", wlan.RULES)
        if self._anew() or plan.closing:
            self.system.do("restart", _SUPERVISOR)
        if not plan.first:
            new = self.renewed if not plan.cut_short else [part.unit for part in plan.parts]
            reload(self.system, new)
        self.places.under_way.unlink(missing_ok=True)

    def _anew(self) -> tuple[str, ...]:
        """The sockets to bind again: those that move, or all where it is not known what the last setup did."""
        if self.plan.first:
            return ()
        return self.plan.moved if not self.plan.cut_short else tuple(one for one, _ in tcp_sockets(self.plan.units))

    def _other_directory(self) -> bool:
        """Whether parts may run that still look for people in another directory; their sockets stay meanwhile."""
        there = self.plan.directory
        return there.set_up and (self.plan.moving is not None or there.marked != {self.plan.settings.directory.kind})

    def _services(self) -> Iterator[str]:
        """Every service but the directories themselves."""
        own = frozenset(UNITS.values())
        yield from (f"schoolserver-{unit.name}.service" for unit in self.plan.units if unit.name not in own)

    def _service(self, socket: str) -> str:
        """The service that a socket belongs to; one without a port of its own is called as its service."""
        owners = (unit.name for unit in self.plan.units if socket in dict(tcp_sockets([unit])))
        return f"schoolserver-{next(owners, socket.removeprefix('schoolserver-').removesuffix('.socket'))}.service"


def write_settings(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the settings files; all are on the disk before the first takes its place: a full disk changes nothing."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    candidates: list[Path] = []
    try:
        for name, text in texts.items():
            path = folder / name
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
            candidates.append(write_candidate(path, text.encode(), mode))
        for name, candidate in zip(texts, candidates, strict=True):
            candidate.rename(folder / name)
    finally:
        for candidate in candidates:
            candidate.unlink(missing_ok=True)
    sync_folder(folder)


def space(places: Places) -> list[str]:
    """Say which disks are too full to begin (under 16 MB): the rest would have to be taken back."""
    least = 16_000_000
    folders = {next(one for one in (path, *path.parents) if one.exists()) for path in (places.settings, places.state)}
    return [
        f"only {free // 1000} kB are free in {one}" for one in folders if (free := shutil.disk_usage(one).free) < least
    ]


def _remembered(plan: Plan) -> str:
    """The answers that hold now, as an answer file."""
    top = yaml.MappingNode("tag:yaml.org,2002:map", [], flow_style=False)
    for key, answer in plan.wishes.answers.items():
        top.value.append((yaml.ScalarNode("tag:yaml.org,2002:str", key), answer.node))
    if not top.value:
        return _KEPT
    return _KEPT + str(yaml.serialize(top, Dumper=yaml.SafeDumper, allow_unicode=True, width=10_000))
