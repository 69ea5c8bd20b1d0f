"""Directory, state and settings become one whole snapshot. Pure: everything is an argument.

May live here: how the parts are joined. May not: reading or publishing them; what a decision is (``policy``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from appliance.policy.account import Account, Group
from appliance.policy.lessons import Lesson
from appliance.policy.limits import LimitRule, LimitTable
from appliance.policy.owners import Binding
from appliance.policy.snapshot import Snapshot, Version
from appliance.settings.mail_rules import compile_mail
from appliance.settings.web_search import search_rules

if TYPE_CHECKING:
    from appliance.directory.records import DirectoryAccount, DirectoryState
    from appliance.settings.load import Settings
    from appliance.supervisor.devices import Device
    from appliance.supervisor.lessons import KnownLesson
    from appliance.supervisor.limits import Exemption
    from appliance.supervisor.locks import KnownLock
    from appliance.supervisor.people import GivenConsent
    from appliance.supervisor.quotas import KnownQuota

UNPUBLISHED: Final = Version(0, 0)


@dataclass(frozen=True, slots=True)
class Known:
    """What the state knows at one moment; by ``uid``, but for exemptions, devices and lessons."""

    consents: Mapping[int, tuple[GivenConsent, ...]] = field(default_factory=dict)
    locks: Mapping[int, tuple[KnownLock, ...]] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    quotas: Mapping[int, KnownQuota] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    lessons: tuple[KnownLesson, ...] = ()


def compose(
    people: DirectoryState | Snapshot, known: Known, settings: Settings, before: Snapshot | None = None
) -> Snapshot:
    """Make the whole snapshot, for the audience ``supervisor`` and with no version yet.

    ``people`` is the directory or, until it has been read once, the whole snapshot published last: a lock does not wait
    for a directory that is away.
    Sorted throughout, so that the order in which the directory answers means nothing. What the state knows is joined by
    numeric id: a login that comes back with somebody else brings nothing of it. An account of which the same is said as
    in ``before`` is the same object.
    """
    earlier: Mapping[str, Account] = {} if before is None else before.accounts
    accounts = [
        Account(
            login=found.login,
            uid=found.uid,
            role=found.role,
            display_name=found.display_name,
            groups=tuple(sorted(found.groups)),
            must_change=found.must_change,
            password_changed_at=found.password_changed_at,
            consents=frozenset(given.consent for given in known.consents.get(found.uid, ())),
            locks=tuple(entry.lock for entry in known.locks.get(found.uid, ())),
            disabled=found.disabled,
            hidden=found.hidden,
            quota=_quota(found, known, settings),
        )
        for found in accounts_of(people)
    ]
    found_groups = people.groups.values() if isinstance(people, Snapshot) else people.groups
    groups = [Group(found.name, found.kind, found.gid, found.title) for found in found_groups]
    return Snapshot(
        version=UNPUBLISHED,
        audience="supervisor",
        domain=settings.school.domain,
        zone=settings.school.zone,
        accounts={
            account.login: _kept(account, earlier.get(account.login))
            for account in sorted(accounts, key=lambda account: account.login)
        },
        groups={group.name: group for group in sorted(groups, key=lambda group: group.name)},
        rules=settings.access.rules,
        consents_required=settings.access.consents_required,
        rooms=settings.network.rooms,
        limits=_limits(settings.access.limits, accounts, groups, known.exemptions),
        mail=compile_mail(settings.mail.rules, settings.mail.outside),
        safe_search=search_rules(settings.web.safe_search, settings.sources.__getitem__),
        owners=_owners(accounts, known.devices),
        web=settings.web_rules,
        lessons=_lessons(groups, known.lessons),
    )


def _kept(account: Account, earlier: Account | None) -> Account:
    return earlier if earlier is not None and earlier == account else account


def accounts_of(people: DirectoryState | Snapshot) -> Iterable[DirectoryAccount | Account]:
    """Everybody in the directory, or in a snapshot."""
    return people.accounts.values() if isinstance(people, Snapshot) else people.accounts


def next_end(known: Known) -> datetime | None:
    """When the first of what ``known`` has ends; what was composed of it stands until then."""
    ends = (
        *(entry.lock.until for entries in known.locks.values() for entry in entries),
        *(exemption.until for exemption in known.exemptions),
        *(quota.until for quota in known.quotas.values()),
        *(device.until for device in known.devices),
        *(lesson.until for lesson in known.lessons),
    )
    return min((end for end in ends if end is not None), default=None)


def _owners(accounts: Iterable[Account], devices: Iterable[Device]) -> dict[str, Binding]:
    """Whose device is at which address; what was an account's that is gone is nobody's."""
    logins = {account.uid: account.login for account in accounts}
    return {
        device.address: Binding(logins[device.uid], device.since, device.until)
        for device in sorted(devices, key=lambda device: device.address)
        if device.uid in logins
    }


def _lessons(groups: Iterable[Group], lessons: Iterable[KnownLesson]) -> tuple[Lesson, ...]:
    """What is set for lessons, oldest first; what was a group's that is gone is nobody's."""
    names = {group.gid: group.name for group in groups}
    return tuple(
        Lesson(
            one.number,
            one.measure,
            one.since,
            one.until,
            None if one.gid is None else names[one.gid],
            one.room,
            one.targets,
            one.log_on,
        )
        for one in lessons
        if one.gid is None or one.gid in names
    )


def _quota(account: DirectoryAccount | Account, known: Known, settings: Settings) -> int:
    if account.hidden:
        return 0
    own = known.quotas.get(account.uid)
    return settings.quota.roles[account.role] if own is None else own.size


def _limits(
    limits: LimitTable, accounts: Iterable[Account], groups: Iterable[Group], exemptions: Iterable[Exemption]
) -> LimitTable:
    """The limits of the settings, and those that an administrator has agreed to for a time (K12)."""
    logins = {account.uid: account.login for account in accounts}
    names = {group.gid: group.name for group in groups}
    rules = []
    for exemption in exemptions:
        login = None if exemption.uid is None else logins.get(exemption.uid)
        group = None if exemption.gid is None else names.get(exemption.gid)
        if login is not None or group is not None:
            size, until = exemption.size, exemption.until
            rules.append(LimitRule("state exemption", size, size, login=login, group=group, until=until))
    return replace(limits, rules=(*limits.rules, *rules))
