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
from appliance.directory.schema import Field, Schema

Attributes = Mapping[str, Sequence[bytes]]
Changes = Mapping[str, tuple[Literal["add", "delete", "replace"], Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a directory keeps about an account in a way of its own."""

    uuid: UUID
    disabled: bool
    must_change: bool
    password_changed_at: datetime | None
    log_on: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an operation: code and diagnostic message (RFC 4511, 4.1.9); values of response controls by OID."""

    code: int
    message: str
    controls: Mapping[str, bytes]


class Dialect(Protocol):
    """One kind of directory. ``schema`` is its column of the table.

    ``bind_controls`` are asked for with each bind of a person. ``born_with_password``: an account without one
    could be entered with an empty one, so a new one gets one that nobody knows. ``keeps_unique``: it refuses numeric
    ids and names of groups that are taken.
    """

    schema: Schema
    bind_controls: Sequence[str]
    born_with_password: bool
    keeps_unique: bool

    def standing(self, attributes: Attributes) -> Standing:
        """Read it from an entry; raises ``ValueError`` for an entry without a stable id."""

    def switch(self, field: Field, on: bool, now: Attributes, /) -> Changes:
        """Make :attr:`Field.DISABLED` or :attr:`Field.LOG_ON` true or not in an entry of which ``now`` was read.

        Nothing, where it is not kept.
        """

    def write_password(self, password: Secret, must_change: bool) -> Changes | None:
        """Set a password and whether it must be changed, in one operation: there is no moment in between.

        ``None``: by the operation made for it (RFC 3062), which also says that it need not be changed.
        """

    def checked(self, answer: Answer) -> Checked | None:
        """What a bind's result means for the password; ``None``: nothing (the directory failed)."""
