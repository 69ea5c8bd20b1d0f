"""The space of mailboxes in the one ledger over mail and files (K11).

May live here: what mail asks of the ledger and tells it. May not: whether something fits (``policy.quota``).
"""

from __future__ import annotations

from pathlib import Path

from appliance.daemon.logs import Told
from appliance.usage.delta import Delta, Place
from appliance.usage.ledger import Usage


class Space:
    """The ledger in ``folder`` (``<runtime>/usage``) for accounts with ids from ``first`` to ``last``. Never waits."""

    def __init__(self, folder: Path, first: int, last: int) -> None:
        try:
            self._delta = Delta(folder, Place.MAIL, first, last)
        except OSError as error:
            raise Told(f"the ledger of space in {folder} cannot be written: {error.strerror}") from error
        self._usage = Usage(folder)

    def of(self, uid: int) -> int:
        """Give the bytes of mail and files of the account ``uid``."""
        return self._usage.of(uid)

    def add(self, uid: int, amount: int) -> None:
        """Note ``amount`` bytes of mail that were just stored for the account ``uid``."""
        self._delta.add(uid, amount)

    def close(self) -> None:
        """Give the files back."""
        self._usage.close()
        self._delta.close()
