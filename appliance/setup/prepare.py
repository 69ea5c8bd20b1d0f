"""From what is there and what was answered to everything that setup would do. Nothing is changed here.

May live here: putting the parts of the plan together, and every reason not to begin. May not: doing it (``steps``).
"""

from __future__ import annotations

import pwd
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from appliance.daemon.authority import Standing, standing
from appliance.setup import certificates, directory, foreign, resolver, wlan
from appliance.setup.own_pair import OwnPair, PairProblem
from appliance.setup.places import BACKUP, Places
from appliance.setup.plan import Change, Wishes, Wrong, found_answers, wishes
from appliance.setup.ports import listening, taken_ports
from appliance.setup.proposals import proposals
from appliance.setup.questions import Answers
from appliance.setup.sockets import drop_ins, tcp_sockets
from appliance.setup.survey import Found, candidate, out_of_sight, survey, writable
from appliance.setup.system import System
from appliance.supervisor.launcher.units import school_units

if TYPE_CHECKING:
    from appliance.settings.load import Settings
    from appliance.supervisor.launcher.unit import Unit

_RENEWED = timedelta(days=30)
_SERVICE = "schoolserver-domain.service"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that setup will see to; ``changes`` says what of it is not so already.

    ``units`` and ``parts``: those installed here. ``drop_ins``: socket unit -> text, ``moved``: sockets whose address
    changes. ``going``: Debian's units to switch off. ``admins``: users to join the group. ``pair``: the school's own
    certificate, if it has one. ``moving``: the settings with which slapd serves the accounts that go into the domain.
    ``directory``: which one there was. ``resolver``: new text of that file, ``None``: it stays. ``closing``: units that
    stop because no WLAN is taken any more. ``first``: nothing of ours has run here yet. ``cut_short``: the last setup
    was, so running parts may not know yet what is on the disk.
    """

    settings: Settings
    wishes: Wishes
    units: tuple[Unit, ...]
    parts: tuple[certificates.Part, ...]
    drop_ins: Mapping[str, str]
    moved: tuple[str, ...]
    going: tuple[str, ...]
    admins: tuple[str, ...]
    pair: OwnPair | None
    moving: Settings | None
    directory: directory.Standing
    resolver: str | None
    closing: tuple[str, ...]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    first: bool
    cut_short: bool


def prepare(places: Places, system: System, given: Answers) -> Plan:
    """Plan; raises :class:`Wrong` with every reason not to begin. Nothing has been written then."""
    found = survey(places, system)
    if not found.units:
        raise Wrong([f"no unit of schoolserver is installed in {places.units}; install the packages first"])
    wanted = wishes(found.texts, _with_directory(found, given), found.last, str(places.explained))
    settings = candidate(places, {**found.texts, **wanted.texts})
    kind = settings.directory.kind
    moving = candidate(places, found.texts) if found.directory.moves(kind) else None
    own = kind in directory.UNITS
    asked, hint = resolver.decide(places.resolver, found.resolver, own=kind == "domain")
    units = tuple(unit for unit in school_units(settings) if unit.name in found.units)
    off = {unit.name for unit in units} | {"directory"}  # Debian's slapd is off beside a domain too
    going = tuple(name for unit, names in found.engines.items() if unit in off for name in names)
    sockets = [socket for socket, _ in tcp_sockets(units)]
    texts = drop_ins(units)
    opened = wlan.opened(sockets, before=found.wlan)
    moved = tuple(one for one in sockets if texts.get(one) != found.drop_ins.get(one) or one in opened)
    closing = wlan.closing(before=found.wlan, wanted=bool(settings.network.wlan_networks))
    ours = [socket for socket in sockets if socket not in moved and system.ask("is-active", socket)]
    admins = tuple(name for name in _asked_admins(wanted.answers) if name not in found.admins)
    files = [path for path in (settings.certificates.certificate, settings.certificates.key) if path is not None]
    problems = [
        *writable(places),
        *out_of_sight(places, files),
        *_domain(found, wanted),
        *directory.problems(settings, found.units, found.directory),
        *(() if own else foreign.problems(settings, wanted.answers)),
        *wlan.problems(found.units, wanted=bool(settings.network.wlan_networks)),
        *taken_ports(units, listening(), ours, going),
        *(_domain_ports(settings, going) if kind == "domain" and not system.ask("is-active", _SERVICE) else ()),
        *(f"admins: there is no user {name} on this machine" for name in admins if not _exists(name)),
    ]
    pair = None
    try:
        pair = certificates.own_pair(settings)
    except PairProblem as error:
        problems += str(error).splitlines()
    if problems:
        raise Wrong(problems)
    parts = tuple(certificates.parts(units))
    changes = (
        *wanted.changes,
        *(Change(f"{one} listens", "", _address(texts.get(one, "as shipped"))) for one in moved),
        *(Change(f"Debian's own {name} is stopped and stays off (its data stay)", "", "") for name in going),
        *(Change(f"{name} joins the group schoolserver-admin (from the next log-in on)", "", "") for name in admins),
        *_certificates(settings, parts, pair),
        *_directory(found.directory, kind, moving is not None),
        *(() if own else foreign.changes(settings, wanted.answers)),
        *_names(places, asked),
        *_wlan(settings, bool(opened), bool(closing)),
        *(() if found.set_up else (Change("the server starts, now and with the machine", "", ""),)),
    )
    notes = (
        *wanted.notes,
        *(pair.warnings if pair is not None else ()),
        *certificates.missed(settings, parts, pair),
        *_backup(places, settings),
        *(() if hint is None else (hint,)),
    )
    return Plan(
        settings=settings,
        wishes=wanted,
        units=units,
        parts=parts,
        drop_ins=texts,
        moved=moved,
        going=going,
        admins=admins,
        pair=pair,
        moving=moving,
        directory=found.directory,
        resolver=asked,
        closing=closing,
        changes=changes,
        notes=notes,
        first=not found.set_up,
        cut_short=found.cut_short,
    )


def _certificates(settings: Settings, parts: Iterable[certificates.Part], pair: OwnPair | None) -> Iterator[Change]:
    for part in parts:
        shown, now = certificates.pair_for(part.unit, pair), standing(part.folder / "cert.pem")
        wanted = shown.names if shown is not None else certificates.names(settings, part.unit)
        if now is None or set(now.names) != set(wanted) or _ends(now, shown):
            before = f"until {now.ends:%Y-%m-%d} for {', '.join(now.names)}" if now is not None else ""
            yield Change(f"certificate of {part.unit}", before, f"for {', '.join(wanted)}")


def _ends(now: Standing, pair: OwnPair | None) -> bool:
    return now.ends != pair.ends if pair is not None else now.ends - datetime.now(UTC) < _RENEWED


def _with_directory(found: Found, given: Answers) -> Answers:
    """What was answered, and where nobody ever said which directory, the one that fits."""
    if any("directory" in answers for answers in (given, found.last, found_answers(found.texts))):
        return given
    fit = proposals(directory.fitting(found.units, found.directory))
    return {**given, "directory": fit["directory"]}


def _directory(standing: directory.Standing, kind: str, moving: bool) -> Iterator[Change]:
    if moving:
        yield Change("accounts and groups move from slapd into the domain; everybody gets a new password", "", "")
    elif kind == "domain" and "domain" not in standing.made:
        yield Change("the domain is made", "", "")
    if kind == "domain" and "domain" not in standing.marked:
        yield Change("chrony (schoolserver-time) keeps this machine's clock and gives the time to the PCs", "", "")
    wanted = frozenset({kind} & directory.UNITS.keys())
    if standing.set_up and not moving and standing.marked != wanted:
        yield Change("the directory that runs", ", ".join(sorted(standing.marked)), ", ".join(wanted) or kind)


def _domain_ports(settings: Settings, going: Iterable[str]) -> Iterator[str]:
    interfaces, ours = settings.domain.interfaces, (settings.network.listen["ldap"],)
    yield from directory.taken_ports(listening(), interfaces, tuple(going), ours)


def _names(places: Places, text: str | None) -> Iterator[Change]:
    if text is not None:
        servers = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver ")]
        yield Change(f"{places.resolver}: who is asked for names", "", ", then ".join(servers))


def _wlan(settings: Settings, opens: bool, closes: bool) -> Iterator[Change]:
    if opens:
        networks = ", ".join(map(str, settings.network.wlan_networks))
        yield Change("the WLAN's web is led to the proxy, and all else of it closed (nftables, DNS)", "", networks)
    elif closes:
        yield Change("no WLAN is led to the proxy any more; its rules and its DNS go", "", "")


def _domain(found: Found, wanted: Wishes) -> Iterator[str]:
    for change in wanted.changes:
        if change.what == "school.yaml: domain" and change.before and found.directory.made and found.set_up:
            yield f"domain: the directory is made for {change.before}, so it stays; found {change.after}"


def _backup(places: Places, settings: Settings) -> Iterator[str]:
    if settings.backup.target is not None and not (places.units / BACKUP).exists():
        yield "backup is answered, but without the package schoolserver-backup no copy is made"


def _asked_admins(answers: Answers) -> tuple[str, ...]:
    return tuple(answers["admins"].value) if "admins" in answers else ()


def _exists(login: str) -> bool:
    try:
        pwd.getpwnam(login)
    except KeyError:
        return False
    return True


def _address(text: str) -> str:
    """The address in a drop-in."""
    return next((found[2] for line in text.splitlines() if (found := line.partition("ListenStream="))[2]), text)
