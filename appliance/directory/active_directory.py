"""Active Directory: its flags, times and the diagnostic codes of a refused bind ([MS-ADTS] 3.1.1, 5.1.1; [MS-SAMR]).

May live here: values of AD. May not: names (``schema``), a connection.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from appliance.daemon.secret import Secret
from appliance.directory.dialect import Answer, Attributes, Changes, Standing
from appliance.directory.records import Checked
from appliance.directory.schema import ACTIVE_DIRECTORY, Field

_NORMAL, _DISABLED = 0x200, 0x2
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_SUCCESS, _INVALID_CREDENTIALS = 0, 49
_MUST_CHANGE: Final = re.compile(r"\bdata 773\b")


class ActiveDirectory:
    """The :class:`~appliance.directory.dialect.Dialect` of Samba and Windows domain controllers."""

    schema = ACTIVE_DIRECTORY
    marker: tuple[str | None, str] = ("", "highestCommittedUSN")
    bind_controls: Sequence[str] = ()

    def standing(self, attributes: Attributes) -> Standing:
        """See :class:`Dialect`; ``pwdLastSet`` 0 is AD's way to say that the password must be changed."""
        ident = attributes.get(ACTIVE_DIRECTORY[Field.UUID])
        if not ident:
            raise ValueError("an entry without objectGUID")
        flags, changed = (_number(attributes, field) for field in (Field.DISABLED, Field.PASSWORD_CHANGED))
        return Standing(
            uuid=UUID(bytes_le=bytes(ident[0])),
            disabled=bool(flags & _DISABLED),
            must_change=changed == 0,
            password_changed_at=_EPOCH + timedelta(microseconds=changed // 10) if changed else None,
        )

    def disable(self, disabled: bool) -> Changes:
        """See :class:`Dialect`."""
        flags = _NORMAL | (_DISABLED if disabled else 0)
        return {ACTIVE_DIRECTORY[Field.DISABLED]: ("replace", (str(flags).encode(),))}

    def write_password(self, password: Secret, must_change: bool) -> Changes:
        """See :class:`Dialect`; a password is written in quotes as UTF-16 ([MS-ADTS] 3.1.1.3.1.5)."""
        return {
            ACTIVE_DIRECTORY[Field.PASSWORD]: ("replace", (f'"{password.reveal()}"'.encode("utf-16-le"),)),
            ACTIVE_DIRECTORY[Field.MUST_CHANGE]: ("replace", (b"0" if must_change else b"-1",)),
        }

    def checked(self, answer: Answer) -> Checked | None:
        """See :class:`Dialect`; AD refuses the bind with the right password that must be changed, and says 773."""
        if answer.code == _SUCCESS:
            return Checked.GOOD
        if answer.code != _INVALID_CREDENTIALS:
            return None
        return Checked.MUST_CHANGE if _MUST_CHANGE.search(answer.message) else Checked.WRONG


def _number(attributes: Attributes, field: Field) -> int:
    values = attributes.get(ACTIVE_DIRECTORY[field])
    return int(values[0]) if values else 0
