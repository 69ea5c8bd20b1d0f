"""What somebody wants to do, in the words of the policy and of no protocol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.policy.account import Service


class Action(StrEnum):
    """The closed list of what is decided upon."""

    SIGN_IN = "sign-in"
    SEND = "send"
    READ = "read"
    WRITE = "write"
    FETCH = "fetch"


@dataclass(frozen=True, slots=True)
class Request:
    """``login`` wants ``action`` of ``service``.

    ``target`` is what the action is about (a URL for web, a recipient for mail, a share path for files; empty for a
    sign-in). ``address`` is the client's IP address as text, ``room`` the room it stands in (derived from the address
    by :func:`appliance.policy.rules.room_of` when the caller knows only the address); ``size`` the bytes announced.
    ``by_address``: nothing but the address says that it is ``login``, so it counts while that is a device of his. A
    request of :data:`appliance.policy.owners.NOBODY` always is one, and counts while the address has no owner.
    ``categories`` are those that the school's lists give the target on the web (see :mod:`appliance.policy.web`);
    ``None``: nobody has looked.
    """

    login: str
    service: Service
    action: Action = Action.SIGN_IN
    target: str = ""
    address: str | None = None
    room: str | None = None
    size: int | None = None
    by_address: bool = False
    categories: frozenset[str] | None = None
