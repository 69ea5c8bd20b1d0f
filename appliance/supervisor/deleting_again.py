"""After a restore of everything: accounts that had been deleted for good since are deleted again (K24).

May live here: when that is done, and how it stands. May not: whom the list means (``backup.deletions``). As with
folders without owners, suspiciously many are not deleted unasked: a server that was broken into may have lengthened it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from appliance.backup.deletions import Again, Deletions
from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.directory.errors import DirectoryError

if TYPE_CHECKING:
    from appliance.policy.snapshot import Snapshot
    from appliance.settings.load import Settings

LOG = logging.getLogger(__name__)

_LOOK = 5.0
_AGAIN = 60.0
_FEW = 5
_OURS = frozenset({"slapd", "domain"})


class Helper(Protocol):
    """What is needed of ``privileged.client.PrivilegedClient``."""

    def home_remove(self, login: str, uid: int) -> bool:
        """Remove home and mailbox for good."""


class DeletingAgain:
    """``fresh()`` is the snapshot while the directory answers; ``remove(login, uid)`` takes an account out of it."""

    def __init__(
        self,
        deletions: Deletions,
        fresh: Callable[[], Snapshot | None],
        settings: Callable[[], Settings],
        remove: Callable[[str, int], None],
        helper: Helper,
    ) -> None:
        self._deletions = deletions
        self._fresh = fresh
        self._settings = settings
        self._remove = remove
        self._helper = helper
        self._text: str | None = None

    def work(self) -> float | None:
        """Do what was ordered; gives the seconds until the next look, ``None`` when there is nothing to look for."""
        self._deletions.begin()
        snapshot = self._fresh()
        if snapshot is None:
            return _LOOK
        return None if self.delete(snapshot) else _AGAIN

    def delete(self, snapshot: Snapshot, however_many: bool = False) -> bool:
        """Do what was ordered, unless it is suspiciously much and nobody said ``however_many``; whether all is done."""
        accounts = {account.login: account.uid for account in snapshot.accounts.values() if not account.hidden}
        try:
            again = self._deletions.ordered(accounts)
        except OSError:
            self._text = "accounts deleted since cannot be told apart: the key of their list is not in the state"
            return False
        if again is None:
            self._text = None
            return True
        settings = self._settings()
        if settings.directory.kind not in _OURS:
            self._deletions.done()  # that directory is somebody else's and was not brought back
            return True
        if not however_many and len(again.sure) > max(_FEW, settings.accounts.gone_share * len(accounts)):
            self._text = (
                f"{len(again.sure)} of {len(accounts)} accounts had been deleted for good since this snapshot, as the "
                "backup server's list says; is that right? Then: schoolserver folders tidy --allow-gone"
            )
            return False
        return self._delete(again)

    def check(self) -> dict[str, Any] | None:
        """Give the row of status, if there is anything to say; it names nobody."""
        return None if self._text is None else {"name": "deleted again", "ok": False, "text": self._text}

    def _delete(self, again: Again) -> bool:
        try:
            for login, uid in again.sure:
                self._helper.home_remove(login, uid)
                self._remove(login, uid)
        except (DirectoryError, Unreachable, RequestRefused) as problem:
            self._text = f"accounts that had been deleted for good are not deleted again yet: {type(problem).__name__}"
            return False
        if again.sure:
            LOG.info("%d accounts that had been deleted for good since the snapshot are deleted again", len(again.sure))
        self._deletions.done()
        self._text = None
        if again.unsure:
            LOG.warning("%d accounts have the number of a deleted one, but another login", again.unsure)
        return True
