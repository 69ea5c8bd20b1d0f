"""Active Directory: its flags, times and the diagnostic codes of a refused bind ([MS-ADTS] 3.1.1, 5.1.1; [MS-SAMR]).

May live here: values of AD. May not: names (``schema``), a connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from appliance.daemon.secret import Secret
from appliance.directory.dialect import Answer, Attributes, Changes, Standing
from appliance.directory.records import Checked
from appliance.directory.schema import ACTIVE_DIRECTORY, Field, Schema

_NORMAL, _DISABLED = 0x200, 0x2
_NEVER_GIVEN = 1
_NEVER: Final = bytes(21)  # no hour of the week ([MS-ADTS] 2.2.15 logonHours)
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_SUCCESS, _STRONGER_REQUIRED, _INVALID_CREDENTIALS = 0, 8, 49
_REASON: Final = re.compile(r"\bdata ([0-9a-f]+)\b")
_REASONS: Final[Mapping[str, Checked]] = {
    "52e": Checked.WRONG,  # or there is no such account
    "525": Checked.WRONG,
    "533": Checked.WRONG,  # disabled
    "701": Checked.WRONG,  # its end is past
    "530": Checked.GOOD,  # not at this hour, at no PC: the password is right, and the hours are those of PCs
    "531": Checked.GOOD,  # not at this PC
    "532": Checked.MUST_CHANGE,  # too old, where somebody else's directory has passwords expire
    "773": Checked.MUST_CHANGE,
}
"""Any other says nothing of the password: 775 locked for wrong ones, 54f no room on the disk to note the log-on."""
_WORDS: Final = {
    "52e": "wrong password, or no such account",
    "525": "no such account",
    "530": "not at this hour",
    "531": "not from this machine",
    "532": "its password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "its password must be changed first",
    "775": "the account is locked for wrong passwords",
}


def refusal(answer: Answer) -> str:
    """Return why a bind was refused, as far as the directory says; AD says it by a number, others do not."""
    reason = _REASON.search(answer.message)
    if answer.code == _INVALID_CREDENTIALS and reason:
        return _WORDS.get(reason[1], f"data {reason[1]}")
    if answer.code == _INVALID_CREDENTIALS:
        return _WORDS["52e"]
    if answer.code == _STRONGER_REQUIRED:
        return "it wants an encrypted connection: ldaps://"
    return f"LDAP result {answer.code}"


class ActiveDirectory:
    """The :class:`~appliance.directory.dialect.Dialect` of Samba and Windows; its names are those of ``schema``."""

    bind_controls: Sequence[str] = ()
    born_with_password = True
    keeps_unique = False

    def __init__(self, schema: Schema = ACTIVE_DIRECTORY) -> None:
        self.schema = schema

    def standing(self, attributes: Attributes) -> Standing:
        """See :class:`Dialect`; ``pwdLastSet`` 0 is AD's way to say that the password must be changed.

        The first version of a password is the one that nobody knows: whoever has that one has none.
        """
        ident = attributes.get(self.schema[Field.UUID])
        if not ident:
            raise ValueError("an entry without objectGUID")
        flags, changed = (self._number(attributes, field) for field in (Field.DISABLED, Field.PASSWORD_CHANGED))
        return Standing(
            uuid=UUID(bytes_le=bytes(ident[0])),
            disabled=bool(flags & _DISABLED),
            must_change=changed == 0 and self._number(attributes, Field.PASSWORD_VERSION) != _NEVER_GIVEN,
            password_changed_at=_EPOCH + timedelta(microseconds=changed // 10) if changed else None,
            log_on=list(attributes.get(self.schema[Field.LOG_ON], ())) != [_NEVER],
        )

    def switch(self, field: Field, on: bool, now: Attributes, /) -> Changes:
        """See :class:`Dialect`; other flags of an account stay as they are."""
        name = self.schema[field]
        if field is Field.LOG_ON:
            return {name: ("replace", () if on else (_NEVER,))}
        flags = self._number(now, field) or _NORMAL
        flags = flags | _DISABLED if on else flags & ~_DISABLED
        return {name: ("replace", (str(flags).encode(),))}

    def write_password(self, password: Secret, must_change: bool) -> Changes:
        """See :class:`Dialect`; a password is written in quotes as UTF-16 ([MS-ADTS] 3.1.1.3.1.5)."""
        return {
            self.schema[Field.PASSWORD]: ("replace", (f'"{password.reveal()}"'.encode("utf-16-le"),)),
            self.schema[Field.MUST_CHANGE]: ("replace", (b"0" if must_change else b"-1",)),
        }

    def checked(self, answer: Answer) -> Checked | None:
        """See :class:`Dialect`; AD refuses many a bind with the right password, and says by a number that it was."""
        if answer.code == _SUCCESS:
            return Checked.GOOD
        if answer.code != _INVALID_CREDENTIALS:
            return None
        reason = _REASON.search(answer.message)
        return _REASONS.get(reason[1]) if reason else Checked.WRONG

    def _number(self, attributes: Attributes, field: Field) -> int:
        values = attributes.get(self.schema[field])
        return int(values[0]) if values else 0
