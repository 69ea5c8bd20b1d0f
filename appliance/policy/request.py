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
    """

    login: str
    service: Service
    action: Action = Action.SIGN_IN
    target: str = ""
    address: str | None = None
    room: str | None = None
    size: int | None = None
