"""Directory, state and settings become one whole snapshot. Pure: everything is an argument.

May live here: how the parts are joined. May not: reading or publishing them; what a decision is (``policy``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from appliance.policy.account import Account, Group
from appliance.policy.snapshot import Snapshot, Version

if TYPE_CHECKING:
    from appliance.directory.records import DirectoryAccount, DirectoryState
    from appliance.settings.load import Settings
    from appliance.supervisor.locks import KnownLock
    from appliance.supervisor.people import GivenConsent

UNPUBLISHED: Final = Version(0, 0)


@dataclass(frozen=True, slots=True)
class Known:
    """What the state knows at one moment, by ``uid``."""

    consents: Mapping[int, tuple[GivenConsent, ...]] = field(default_factory=dict)
    locks: Mapping[int, tuple[KnownLock, ...]] = field(default_factory=dict)


def compose(people: DirectoryState | Snapshot, known: Known, settings: Settings) -> Snapshot:
    """Make the whole snapshot, for the audience ``supervisor`` and with no version yet.

    ``people`` is the directory or, until it has been read once, the whole snapshot published last: a lock does not wait
    for a directory that is away.
    Sorted throughout, so that the order in which the directory answers means nothing. Consents and locks are joined by
    numeric id: a login that comes back with somebody else brings none.
    """
    accounts = (
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
        )
        for found in accounts_of(people)
    )
    found_groups = people.groups.values() if isinstance(people, Snapshot) else people.groups
    groups = (Group(found.name, found.kind, found.gid, found.title) for found in found_groups)
    return Snapshot(
        version=UNPUBLISHED,
        audience="supervisor",
        domain=settings.school.domain,
        zone=settings.school.zone,
        accounts={account.login: account for account in sorted(accounts, key=lambda account: account.login)},
        groups={group.name: group for group in sorted(groups, key=lambda group: group.name)},
        rules=settings.access.rules,
        consents_required=settings.access.consents_required,
        rooms=settings.network.rooms,
        limits=settings.access.limits,
    )


def accounts_of(people: DirectoryState | Snapshot) -> Iterable[DirectoryAccount | Account]:
    """Everybody in the directory, or in a snapshot."""
    return people.accounts.values() if isinstance(people, Snapshot) else people.accounts


def next_lock_end(known: Known) -> datetime | None:
    """When the first of the locks in force ends; what was composed of ``known`` stands until then."""
    ends = (entry.lock.until for entries in known.locks.values() for entry in entries)
    return min((end for end in ends if end is not None), default=None)
