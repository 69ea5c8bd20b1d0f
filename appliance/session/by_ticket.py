"""Who comes with a ticket instead of a password: is asked of the policy just as auth asks for who has a password.

May live here: from a ticket to who is signed in. May not: tokens (``kerberos``), passwords, a protocol.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.policy.account import Service
from appliance.policy.decision import Reason
from appliance.policy.events import Kind
from appliance.policy.request import Request
from appliance.session.house import House
from appliance.session.kerberos import Ticket
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn
from appliance.session.visit import Visit, enter_as

_OUTCOMES = {Reason.MUST_CHANGE: "must-change", Hitch.LATER: "try-later"}


def arrive(house: House, service: Service, ticket: Ticket, address: str | None) -> SignedIn | Obstacle:
    """Take over what ``ticket`` says, for ``service`` and the IP ``address``; the sign-in is recorded.

    A ticket from before the last change of the password opens nothing (K04). Both instants are of the directory's
    clock, the ticket's in whole seconds: one of the same second may have come with the new password and counts.
    """
    if house.snapshot() is None:
        return Obstacle(Hitch.LATER)
    account = house.account(ticket.login)
    if account is None:
        _record(house, service, "", address, "refused")
        return Obstacle(Hitch.WRONG_PASSWORD)
    changed = account.password_changed_at
    if changed is not None and ticket.issued < changed.replace(microsecond=0):
        _record(house, service, account.login, address, "refused")
        return Obstacle(Hitch.PASSWORD_CHANGED)
    answer = house.ask(Request(account.login, service, address=address))
    if isinstance(answer, Obstacle):
        _record(house, service, account.login, address, _OUTCOMES.get(answer.why, "denied"))
        return answer
    _record(house, service, account.login, address, "verified")
    return SignedIn(account.login, ticket.issued, changed)


def enter_by_ticket(
    house: House, service: Service, ticket: Ticket, address: str | None, end: Callable[[Obstacle], None]
) -> Visit | Obstacle:
    """Let in who holds ``ticket``; see :class:`~appliance.session.visit.Visit`."""
    return enter_as(house, service, arrive(house, service, ticket, address), address, end)


def _record(house: House, service: Service, login: str, address: str | None, outcome: str) -> None:
    house.record(Kind.SIGN_IN, service=service.value, login=login, address=address, outcome=outcome, way="ticket")
