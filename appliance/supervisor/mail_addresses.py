"""The row of status about addresses in mail.yaml that do not do what they seem to: taken, or reaching nobody.

May live here: who there is, for that. May not: what is wrong with an address (``settings.mail_taken``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from appliance.policy.access import Who
from appliance.policy.members import covered
from appliance.policy.snapshot import Snapshot
from appliance.settings.load import Settings
from appliance.settings.mail_rules import RoleAddress
from appliance.settings.mail_taken import address_problems

_SHOWN: Final = 4


class MailAddresses:
    """Compares what ``settings()`` name with ``snapshot()``, again only when one of them is another."""

    def __init__(self, settings: Callable[[], Settings], snapshot: Callable[[], Snapshot | None]) -> None:
        self._settings = settings
        self._snapshot = snapshot
        self._seen: tuple[Settings, Snapshot | None] | None = None
        self._row: dict[str, Any] | None = None

    def check(self) -> dict[str, Any] | None:
        """Give the row, ``None`` if all is as it seems."""
        now = self._settings(), self._snapshot()
        if self._seen is None or now[0] is not self._seen[0] or now[1] is not self._seen[1]:
            found = [] if now[1] is None else taken(now[0], now[1])
            more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            text = "; ".join(found[:_SHOWN]) + more
            self._row = {"name": "mail addresses", "ok": False, "text": text} if found else None
            self._seen = now
        return self._row


def taken(settings: Settings, snapshot: Snapshot) -> list[str]:
    """Give a line for each address of a role or a device that is somebody else's, or that reaches nobody."""

    def reaches(who: RoleAddress) -> bool:
        return bool(covered(snapshot, Who(False, frozenset(who.roles), frozenset(who.groups), frozenset(who.users))))

    logins = {account.login for account in snapshot.accounts.values() if not account.hidden}
    return address_problems(settings, logins, snapshot.groups, reaches)
