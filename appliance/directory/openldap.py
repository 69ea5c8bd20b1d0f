"""OpenLDAP with the password policy overlay: its flags, times and the response control of a bind.

May live here: values of OpenLDAP. May not: names (``schema``), a connection. Found by trial with 2.5: setting a
password removes pwdAccountLockedTime, so that a disabled account would come back with a reset; pwdEndTime stays, and is
looked at even where lockout is off.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from appliance.daemon.secret import Secret
from appliance.directory.dialect import Answer, Attributes, Changes, Standing
from appliance.directory.records import Checked
from appliance.directory.schema import OPENLDAP, Field, Schema

PASSWORD_POLICY: Final = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - the OID of a control
_ENDED_LONG_AGO: Final = b"19700101000000Z"
_CHANGE_AFTER_RESET: Final = 2
_SUCCESS, _INVALID_CREDENTIALS = 0, 49


class OpenLdap:
    """The :class:`~appliance.directory.dialect.Dialect` of slapd, whose names are those of ``schema``."""

    bind_controls: Sequence[str] = (PASSWORD_POLICY,)
    born_with_password = False

    def __init__(self, schema: Schema = OPENLDAP, keeps_unique: bool = True) -> None:
        self.schema = schema
        self.keeps_unique = keeps_unique

    def standing(self, attributes: Attributes) -> Standing:
        """See :class:`Dialect`; an account is disabled if its end is past, whenever that was or will be."""
        ident, changed = attributes.get(self.schema[Field.UUID]), attributes.get(self.schema[Field.PASSWORD_CHANGED])
        if not ident:
            raise ValueError("an entry without entryUUID")
        return Standing(
            uuid=UUID(ident[0].decode()),
            disabled=bool(attributes.get(self.schema[Field.DISABLED])),
            must_change=list(attributes.get(self.schema[Field.MUST_CHANGE], ())) == [b"TRUE"],
            password_changed_at=generalized_time(changed[0]) if changed else None,
        )

    def switch(self, field: Field, on: bool, _now: Attributes, /) -> Changes:
        """See :class:`Dialect`; log-on at PCs alone is not kept: no PC asks here."""
        if field is not Field.DISABLED:
            return {}
        return {self.schema[field]: ("replace", (_ENDED_LONG_AGO,) if on else ())}

    def write_password(self, password: Secret, must_change: bool) -> Changes | None:
        """See :class:`Dialect`; slapd hashes it.

        What somebody chose may begin with ``{SSHA}`` or ``{CLEARTEXT}``: a plain change would take that for a hash, and
        let in whoever knows the rest. The operation made for passwords hashes all, and clears the flag. One that must
        be changed was made by us, does not begin so, and goes with its flag in one change.
        """
        if not must_change:
            return None
        if password.reveal().startswith("{"):
            raise ValueError("a one-time password cannot begin with a brace")
        return {
            self.schema[Field.PASSWORD]: ("replace", (password.reveal().encode(),)),
            self.schema[Field.MUST_CHANGE]: ("replace", (b"TRUE",)),
        }

    def checked(self, answer: Answer) -> Checked | None:
        """See :class:`Dialect`."""
        if answer.code == _INVALID_CREDENTIALS:
            return Checked.WRONG
        if answer.code != _SUCCESS:
            return None
        told = policy_error(answer.controls.get(PASSWORD_POLICY, b""))
        return Checked.MUST_CHANGE if told == _CHANGE_AFTER_RESET else Checked.GOOD


def policy_error(value: bytes) -> int | None:
    """Return the error in a password policy response control, if any (draft-behera-ldap-password-policy-10, 6.2).

    ``SEQUENCE { warning [0] CHOICE { … } OPTIONAL, error [1] ENUMERATED OPTIONAL }`` in BER; raises ``ValueError``.
    """
    content = _content(value, 0x30)[0] if value else b""
    while content:
        tag = content[0]
        inner, content = _content(content, tag)
        if tag == 0x81:
            return int.from_bytes(inner, "big")
    return None


def generalized_time(value: bytes) -> datetime:
    """Read a time such as ``20261121030003Z``, with or without a fraction, always UTC here (RFC 4517, 3.3.13)."""
    whole = value.decode().removesuffix("Z").partition(".")[0]
    return datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _content(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Split off the content of the element of ``tag`` that ``data`` begins with; lengths below 128 only."""
    if len(data) < 2 or data[0] != tag or data[1] > 127 or len(data) < 2 + data[1]:
        raise ValueError("a response control that is cut or of another form")
    end = 2 + data[1]
    return data[2:end], data[end:]
