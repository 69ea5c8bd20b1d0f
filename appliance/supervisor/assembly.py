"""Puts the parts of a supervisor together. May live here: who gets whom. May not: threads, timers, any rule."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

from appliance.audit.client import AuditClient
from appliance.backup.deletions import Deletions
from appliance.daemon.identities import Identities
from appliance.daemon.request_client import BlockingClient
from appliance.directory.client import Directory, connect
from appliance.policy.account import Role, Service
from appliance.policy.events import Event, Kind
from appliance.policy.limits import LimitTable
from appliance.policy.snapshot import Snapshot
from appliance.privileged.client import PrivilegedClient
from appliance.settings.load import Settings
from appliance.settings.server import Server as ServerSettings
from appliance.supervisor.alerts import Alerts, Around, steady_clock
from appliance.supervisor.alerts_mail import CannotSend, through_ourselves
from appliance.supervisor.alerts_memory import Memory
from appliance.supervisor.alerts_text import Letter
from appliance.supervisor.core import Core
from appliance.supervisor.deleting_again import DeletingAgain
from appliance.supervisor.devices import Devices
from appliance.supervisor.doors import why_ended
from appliance.supervisor.drill_row import check_drill
from appliance.supervisor.engines import Engines
from appliance.supervisor.folders import Folders
from appliance.supervisor.folders import Sources as FolderSources
from appliance.supervisor.folders_found import GROUPS, Former
from appliance.supervisor.group_folders import GroupFolders
from appliance.supervisor.health import Health
from appliance.supervisor.homes import Homes
from appliance.supervisor.keytabs import Keytabs
from appliance.supervisor.kicker import Kicker
from appliance.supervisor.launcher.client import ChildrenClient
from appliance.supervisor.launcher.seam import Launcher
from appliance.supervisor.launcher.systemd import SystemdLauncher
from appliance.supervisor.launcher.units import school_units
from appliance.supervisor.lessons import Lessons
from appliance.supervisor.lessons_row import check_lessons
from appliance.supervisor.limits import Exemptions
from appliance.supervisor.locks import Locks
from appliance.supervisor.log_on import LogOn
from appliance.supervisor.mail_addresses import MailAddresses
from appliance.supervisor.memory import StateMemory
from appliance.supervisor.numbers import Numbers
from appliance.supervisor.outbound import Outbound
from appliance.supervisor.outbound import client as outbound_client
from appliance.supervisor.passwords import Passwords
from appliance.supervisor.people import People
from appliance.supervisor.probe import Probe, ProbeFailed
from appliance.supervisor.probe_autoconfig import probe_autoconfig
from appliance.supervisor.probe_backup import probe_backup
from appliance.supervisor.probe_clock import ClockProbe
from appliance.supervisor.probe_domain import probe_dns, probe_kerberos, probe_ldap
from appliance.supervisor.probe_files import probe_files
from appliance.supervisor.probe_mail import probe_mail
from appliance.supervisor.probe_resolver import probe_resolver
from appliance.supervisor.probe_shares import probe_shares
from appliance.supervisor.probe_web import probe_web
from appliance.supervisor.publisher import READERS, Publisher
from appliance.supervisor.quota_warnings import QuotaWarnings, Space
from appliance.supervisor.quota_warnings_memory import Warned
from appliance.supervisor.quotas import Quotas
from appliance.supervisor.quotas_ledger import Ledger, Sources
from appliance.supervisor.scanners import Scanning
from appliance.supervisor.shadows import Shadows
from appliance.supervisor.smb_door import SmbDoor
from appliance.supervisor.smb_shares import SmbShares
from appliance.supervisor.state import State
from appliance.supervisor.versions import Kicks
from appliance.supervisor.visiting import LOGIN, Visiting
from appliance.supervisor.web_lists import check_lists

PROBES = (
    Probe("backup", None, probe_backup),
    Probe("mail", Service.MAIL, probe_mail, frozenset({"mail", "imap"})),
    Probe("web", Service.WEB, probe_web, frozenset({"proxy"})),
    Probe("files", Service.FILES, probe_files, frozenset({"fileshare"})),
    Probe("mail set-up", None, probe_autoconfig, frozenset({"autoconfig"})),
)
"""Each service adds its own: a function that moves bytes through it and compares them."""

_OF_DOMAIN = frozenset({"domain"})


def domain_probes(settings: Settings) -> tuple[Probe, ...]:
    """The probes of the domain, where it is ours: somebody else's is his to watch."""
    if settings.directory.kind != "domain":
        return ()
    return (
        Probe("log-on ldap", None, probe_ldap, _OF_DOMAIN),
        Probe("log-on names", None, probe_dns, _OF_DOMAIN),
        Probe("log-on tickets", None, probe_kerberos, _OF_DOMAIN),
        Probe("log-on clock", None, ClockProbe(), _OF_DOMAIN),
        Probe("drives over SMB", Service.FILES, probe_shares, frozenset({"domain", "smb"})),
    )


def wlan_probes(settings: Settings) -> tuple[Probe, ...]:
    """The probe of the WLAN's DNS, where one is taken."""
    if not settings.network.wlan_networks:
        return ()
    return (Probe("WLAN names", None, probe_resolver, frozenset({"resolver"})),)


_KEEPS_LOG_ON = frozenset({"domain", "active-directory"})
_AUDIT_TIMEOUT = 5.0
_DOOR_TIMEOUT = 5.0
_COUNT = 900.0  # seconds for one piece of a count: the group folders of a large school


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs: the ``core`` for verbs, the others for rounds."""

    core: Core
    kicker: Kicker
    engines: Engines
    keytabs: Keytabs | None
    shares: SmbShares
    shadows: Shadows | None
    door: SmbDoor
    outbound: Outbound
    scanning: Scanning
    quota_warnings: QuotaWarnings
    probes: tuple[Probe, ...]
    state: State
    directory: Directory

    def close(self) -> None:
        """Give everything back."""
        self.directory.close()
        self.core.audit.close()
        self.core.ledger.usage.close()
        self.state.close()


def assemble(settings: Settings, kicks_noted: Callable[[], None], composed: Callable[[], None]) -> Parts:
    """Open the state and connect the parts; both callbacks are the publisher's and come in any thread.

    Raises ``StateError`` and ``LookupError`` with text for the carer.
    """
    server = settings.server
    state = State(server.state / "supervisor" / "state.db")
    people, locks, kicks = People(state), Locks(state), Kicks(state)
    # One client each: neither a long row of homes nor a count of the disk delays a kick.
    helper = server.runtime / "privileged" / "privileged.sock"
    kicks_by, homes_by, counts_by = PrivilegedClient(helper), PrivilegedClient(helper), PrivilegedClient(helper, _COUNT)
    audit = AuditClient(server.runtime / "audit" / "audit.sock")
    query = BlockingClient(server.runtime / "audit" / "query.sock", _AUDIT_TIMEOUT)
    launcher = _launcher(settings, PrivilegedClient(helper))
    passwords = Passwords(server.runtime / "auth" / "auth.sock")
    directory = connect(settings, "supervisor")

    def kick(service: Service, login: str) -> None:
        if kicks_by.session_kick(service.value, login):
            now = datetime.now(UTC)
            reason = why_ended(publisher.snapshot, service, login, now)
            fields = {"service": service.value, "login": login, "reason": reason}
            audit.record(Event(Kind.SESSION_ENDED, now, fields))

    def why(code: str) -> dict[str, Any]:
        return query.call("why", code=code)

    def deleted(former: Former) -> None:
        fields = {"area": former.kind, "name": former.name, "by": None}
        audit.record(Event(Kind.FOLDER_DELETED, datetime.now(UTC), fields))

    kicker = Kicker(kicks, kick, time.monotonic)
    memory = StateMemory(state, people, locks, kicker)
    publisher = Publisher(settings, directory, memory, _readers(settings), kicks_noted, composed=composed)
    log_on = LogOn(directory, publisher) if settings.directory.kind in _KEEPS_LOG_ON else None
    deleting, deleting_again = _deletions(lambda: health.settings, publisher, directory, people, audit, server)
    folders = Folders(
        PrivilegedClient(helper, _COUNT),
        FolderSources(publisher.fresh, lambda: health.settings),
        server.state / "supervisor" / "folders",
        deleted,
        deleting,
    )
    visiting = Visiting(settings, people, publisher, passwords, lambda uid: _make_hidden(directory, uid), folders.found)
    sources = Sources(counts_by.usage_scan, lambda: publisher.snapshot)
    ledger = Ledger(settings, sources, Identities(server).group("services"))
    probes = tuple(
        visiting.with_password(probe) for probe in (*PROBES, *domain_probes(settings), *wlan_probes(settings))
    )
    health = Health(settings, launcher, publisher, probes, visiting)
    banner = server.runtime / "control" / "banner"
    alerts = Alerts(settings, Memory(state), Around(health.status, visiting.visitor, banner, steady_clock()))
    engines = Engines(state, launcher, health, alerts.note)
    keytabs = Keytabs(PrivilegedClient(helper), launcher) if settings.directory.kind == "domain" else None
    send = _by_our_own_mail(health, visiting)
    door = _smb_door(health, send)
    quota_warnings = _quota_warnings(health, publisher, ledger, Warned(state), send)
    outbound = _outbound(health)
    shadows = Shadows(PrivilegedClient(helper, _COUNT), lambda: health.settings) if _has_shares(settings) else None
    shares_by = PrivilegedClient(helper)
    shares = SmbShares(shares_by, _shares(settings, shadows, shares_by), door)
    in_domain = [part.check for part in (log_on, keytabs) if part is not None]
    health.also(alerts.check, engines.check, Numbers(lambda: publisher.directory).check, *in_domain)
    health.also(
        lambda: shares.check() if health.installed("fileshare") else None,
        lambda: None if shadows is None else shadows.check(),
        lambda: check_lists(health.settings) if health.installed("proxy") else None,
    )
    scanning = _scanning(health, publisher)
    health.also(folders.check, deleting_again.check, ledger.check, outbound.check, scanning.check)
    health.also(
        MailAddresses(lambda: health.settings, lambda: publisher.snapshot).check,
        lambda: check_lessons(publisher.snapshot, datetime.now(UTC)),
        lambda: check_drill(health.settings, datetime.now(UTC)),
    )
    core = Core(
        settings=settings,
        directory=directory,
        people=people,
        locks=locks,
        exemptions=Exemptions(state),
        quotas=Quotas(state),
        devices=Devices(state),
        lessons=Lessons(state),
        ledger=ledger,
        publisher=publisher,
        passwords=passwords,
        homes=Homes(people, homes_by),
        group_folders=GroupFolders(homes_by),
        folders=folders,
        deleting=deleting,
        deleting_again=deleting_again,
        launcher=launcher,
        audit=audit,
        health=health,
        alerts=alerts,
        why=why,
        visiting=visiting,
        log_on=log_on,
    )
    return Parts(
        core=core,
        kicker=kicker,
        engines=engines,
        keytabs=keytabs,
        shares=shares,
        shadows=shadows,
        door=door,
        outbound=outbound,
        scanning=scanning,
        quota_warnings=quota_warnings,
        probes=probes,
        state=state,
        directory=directory,
    )


def _deletions(
    settings: Callable[[], Settings],
    publisher: Publisher,
    directory: Directory,
    people: People,
    audit: AuditClient,
    server: ServerSettings,
) -> tuple[Callable[[Former], None], DeletingAgain]:
    """What notes accounts that are deleted for good, and what deletes them again after a restore."""
    deletions = Deletions(server.state)

    def deleting(former: Former) -> None:
        numbers = {account.uid for account in publisher.snapshot.accounts.values()} if publisher.snapshot else set()
        if former.kind != GROUPS and former.number and former.number not in numbers:
            now = datetime.now(UTC)
            deletions.note(former.name, former.number, now.date())
            audit.record(Event(Kind.BACKUP_FORGET, now, {"login": former.name, "by": None, "undone": "no"}))

    def remove(login: str, uid: int) -> None:
        directory.remove_account(login)
        people.forget(uid)
        audit.record(Event(Kind.ACCOUNT_REMOVED, datetime.now(UTC), {"login": login}))

    hands = PrivilegedClient(server.runtime / "privileged" / "privileged.sock", _COUNT)
    return deleting, DeletingAgain(deletions, publisher.fresh, settings, remove, hands)


def _has_shares(settings: Settings) -> bool:
    """Whether SMB is ours to serve and the file service is installed."""
    return settings.directory.kind == "domain" and find_spec("appliance.fileshare") is not None


def _shares(settings: Settings, shadows: Shadows | None, hands: PrivilegedClient) -> Callable[[], str] | None:
    """What gives the shares' text, if there are any; with ``shadows`` if there are any."""
    if shadows is None:
        return None
    from appliance.fileshare.smb.render import places, render_shares  # of a package that may be missing

    return lambda: render_shares(places(settings, shadows.offered(hands)))


def _by_our_own_mail(health: Health, visiting: Visiting) -> Callable[[str, Letter], None]:
    """What sends a letter to somebody of the school."""

    def send(login: str, letter: Letter) -> None:
        try:
            visitor = visiting.visitor()
        except ProbeFailed as problem:
            raise CannotSend(f"our own mail: {problem.text}") from problem
        through_ourselves(visitor, [f"{login}@{health.settings.school.domain}"], letter)

    return send


def _language(health: Health) -> Callable[[], str]:
    return lambda: health.settings.school.language


def _quota_warnings(
    health: Health, publisher: Publisher, ledger: Ledger, warned: Warned, send: Callable[[str, Letter], None]
) -> QuotaWarnings:
    """What tells people of their space, if the launcher knows of a mail service."""
    space = Space(lambda: ledger.usage.known, ledger.usage.of, ledger.count_mail)

    def snapshot() -> Snapshot | None:
        return publisher.snapshot if health.installed("mail") else None

    return QuotaWarnings(snapshot, space, warned, send, _language(health))


def _smb_door(health: Health, send: Callable[[str, Letter], None]) -> SmbDoor:
    """What asks the door, if the launcher knows of one."""
    client = BlockingClient(health.settings.server.runtime / "smb" / "smb.sock", _DOOR_TIMEOUT)
    return SmbDoor(client, lambda: health.installed("smb"), send, _language(health))


def _outbound(health: Health) -> Outbound:
    """What asks who sends mail to the outside, if the launcher knows of that."""
    asked = outbound_client(health.settings.server.runtime)
    return Outbound(asked, lambda: health.installed("outbound"), lambda: health.settings.mail.outside)


def _scanning(health: Health, publisher: Publisher) -> Scanning:
    """What asks the scanners of mail."""

    def limits() -> LimitTable | None:
        snapshot = publisher.snapshot if health.installed("mail") else None
        return None if snapshot is None else snapshot.limits

    return Scanning(lambda: health.settings.mail.outside, limits)


def _launcher(settings: Settings, hands: PrivilegedClient) -> Launcher:
    if settings.server.launcher == "children":
        return ChildrenClient(settings.server.runtime / "launcher" / "launcher.sock")
    return SystemdLauncher([unit.name for unit in school_units(settings)], hands)


def _make_hidden(directory: Directory, uid: int) -> None:
    directory.create_account(
        login=LOGIN, uid=uid, given_name="", surname="probe", role=Role.STAFF, display_name="Probe", hidden=True
    )


def _readers(settings: Settings) -> dict[str, int]:
    """The group of each audience; ours needs none but our own."""
    identities = Identities(settings.server)
    return {audience: identities.of(service).gid for audience, service in READERS.items() if service != "supervisor"}
