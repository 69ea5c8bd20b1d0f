"""What differs between OpenLDAP and Active Directory beyond names: a seam, filled by the modules of these names.

May live here: the types of that seam. May not: a connection, or either of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from appliance.daemon.secret import Secret
from appliance.directory.records import Checked
from appliance.directory.schema import Schema

Attributes = Mapping[str, Sequence[bytes]]
Changes = Mapping[str, tuple[Literal["add", "delete", "replace"], Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a directory keeps about an account in a way of its own."""

    uuid: UUID
    disabled: bool
    must_change: bool
    password_changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an operation: code and diagnostic message (RFC 4511, 4.1.9); values of response controls by OID."""

    code: int
    message: str
    controls: Mapping[str, bytes]


class Dialect(Protocol):
    """One kind of directory. ``schema`` is its column of the table.

    ``marker`` is the entry and attribute that change with every change of anything, deletions too (``None``: the top
    entry). ``bind_controls`` are asked for with each bind of a person.
    """

    schema: Schema
    marker: tuple[str | None, str]
    bind_controls: Sequence[str]

    def standing(self, attributes: Attributes) -> Standing:
        """Read it from an entry; raises ``ValueError`` for an entry without a stable id."""

    def disable(self, disabled: bool) -> Changes:
        """Make that an account cannot sign in, or that it can again."""

    def write_password(self, password: Secret, must_change: bool) -> Changes | None:
        """Set a password and whether it must be changed, in one operation: there is no moment in between.

        ``None``: by the operation made for it (RFC 3062), which also says that it need not be changed.
        """

    def checked(self, answer: Answer) -> Checked | None:
        """What a bind's result means for the password; ``None``: nothing (the directory failed)."""
