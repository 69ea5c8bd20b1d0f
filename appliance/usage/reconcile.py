"""The ledger brought back to what lies on the disk, while its services go on writing.

May live here: when a count can be trusted. May not: counting (``scan``), files of the ledger (``ledger``).

A count says nothing about the moment at which it saw a file. So an account's count is taken only if its services added
nothing from ``SETTLE`` seconds before the count until ``SETTLE`` seconds after it; the others are counted again. Who
writes all the time stays as the ledger has him, which is exact for what our services write.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from appliance.usage.ledger import Entry
from appliance.usage.scan import Found

SETTLE: Final = 1.0
"""Seconds that may lie between a change on the disk and its entry in the ledger; see ``Delta.add``."""

_ROUNDS = 3

Scan = Callable[[Collection[str]], Found]


class Ledger(Protocol):
    """What is needed of :class:`appliance.usage.ledger.Usage`."""

    def added(self, uid: int) -> tuple[int, int]:
        """Give what services added to mail and files."""
        ...

    def counted(self, uid: int) -> Entry | None:
        """Give what was counted before."""
        ...


@dataclass(frozen=True, slots=True)
class Counted:
    """The new base by uid, how many of its accounts had other sums before, and how many wrote all the time."""

    entries: Mapping[int, Entry]
    corrected: int
    unsettled: int


def reconcile(accounts: Mapping[str, int], ledger: Ledger, scan: Scan, wait: Callable[[float], None]) -> Counted:
    """Count ``accounts`` (login to uid).

    ``scan(logins)`` counts their mailboxes and homes and all groups; it blocks and may raise. ``wait`` waits so many
    seconds.
    """
    entries: dict[int, Entry] = {}
    pending = dict(accounts)
    for _ in range(_ROUNDS):
        before = {uid: ledger.added(uid) for uid in pending.values()}
        wait(SETTLE)
        found = scan(pending.keys())
        wait(SETTLE)
        for login, uid in list(pending.items()):
            if ledger.added(uid) == before[uid]:
                entries[uid] = _entry(found, login, uid, before[uid])
                del pending[login]
        if not pending:
            break
    else:
        for login, uid in pending.items():
            former = ledger.counted(uid)
            entries[uid] = _entry(found, login, uid, ledger.added(uid)) if former is None else former
    corrected = sum(_sums(entry, ledger.added(uid)) != _former(ledger, uid) for uid, entry in entries.items())
    return Counted(entries, corrected, len(pending))


def recount_mail(
    accounts: Mapping[str, int], ledger: Ledger, scan: Scan, wait: Callable[[float], None]
) -> Mapping[int, Entry]:
    """Count the mailboxes of ``accounts`` once; gives the new entries of those whose sum was another.

    Mail is deleted past our services, in IMAP. Who was written to meanwhile is left for the next time.
    """
    before = {uid: ledger.added(uid) for uid in accounts.values()}
    wait(SETTLE)
    found = scan(accounts.keys())
    wait(SETTLE)
    entries = {}
    for login, uid in accounts.items():
        former = ledger.counted(uid) or Entry(0, 0)
        entry = replace(former, mail=found.mail.get(login, 0), mail_mark=before[uid][0])
        if ledger.added(uid) == before[uid] and _sums(entry, before[uid]) != _sums(former, before[uid]):
            entries[uid] = entry
    return entries


def _entry(found: Found, login: str, uid: int, added: tuple[int, int]) -> Entry:
    return Entry(found.mail.get(login, 0), found.files.get(uid, 0) + found.homes.get(login, 0), *added)


def _former(ledger: Ledger, uid: int) -> tuple[int, int]:
    return _sums(ledger.counted(uid) or Entry(0, 0), ledger.added(uid))


def _sums(entry: Entry, added: tuple[int, int]) -> tuple[int, int]:
    return entry.mail + added[0] - entry.mail_mark, entry.files + added[1] - entry.files_mark
