"""What must be stored of one message: itself, its copy in the spool, and the reports that its sender gets at once.

May live here: files made of a message that is there. May not: who gets what (``session``), what a report says
(``reports``), when something is stored (``intake``). It may wait for the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.mail.draft import Draft, StoreFailed
from appliance.mail.envelope import Envelope
from appliance.mail.outside.envelope import Queued, line
from appliance.mail.party import Delivery
from appliance.mail.reports import Report, compose
from appliance.mail.rewrite import Trace
from appliance.mail.seal import Sealer
from appliance.mail.store import Parcel


@dataclass(frozen=True, slots=True)
class Taken:
    """A message taken in from ``login`` (empty: from outside), as ``trace`` says; ``head`` is what is stored of it."""

    draft: Draft
    head: bytes
    login: str
    trace: Trace
    envelope: Envelope


def parcels(taken: Taken, delivery: Delivery, sealer: Sealer, new: Callable[..., Draft]) -> list[Parcel]:
    """Give all that ``delivery`` asks for; its reports come last, in their order. Raise ``StoreFailed``."""
    found = [Parcel(taken.draft, delivery.logins)] if delivery.logins else []
    if delivery.outside:
        found.append(Parcel(_queued(taken, delivery, new()), None))
    for login, report in delivery.reports:
        draft = new(sealer.begin(report.identity, report.at, ""))
        draft.add(_told(taken, report))
        found.append(Parcel(draft, (login,)))
    return found


def _queued(taken: Taken, delivery: Delivery, draft: Draft) -> Draft:
    trace, envelope = taken.trace, taken.envelope
    queued = Queued(
        identity=trace.identity,
        login=taken.login,
        sender=f"{taken.login}@{trace.domain}",  # who writes as a group too: a bounce that comes in cannot reach that
        recipients=delivery.outside,
        arrived=trace.at,
        ret=envelope.ret,
        envid=envelope.envid,
        smtputf8=trace.smtputf8,
    )
    draft.add(line(queued))
    try:
        draft.add_all(taken.draft)
    except StoreFailed:
        draft.close()
        raise
    return draft


def _told(taken: Taken, report: Report) -> bytes:
    """Write a report; of a message that is large its head is enough."""
    whole = taken.draft.in_memory() if report.whole else None
    return compose(replace(report, message=taken.head if whole is None else whole))
