"""The one error of the copy: a kind for programs, a text for the carer that names no person and no file of one."""

from __future__ import annotations

from typing import Final

from appliance.daemon.logs import Told

NO_ANSWER: Final = (
    "the backup server gives no answer, or does not take our key; is it on, does ssh get there, and has it been paired"
    " anew since?"
)
"""The text of what may have many causes; ssh says no more."""


class BackupError(Told):
    """It did not work.

    ``kind``: ``not-set-up``, ``busy``, ``unreachable`` (the second place gives no answer), ``refused`` (it, or what
    was asked, is not as it must be), ``unreadable`` (something here cannot be read), ``disk``, ``no-copy`` (there is no
    such copy, or not that file in it), ``not-owner``, ``stopped``.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
