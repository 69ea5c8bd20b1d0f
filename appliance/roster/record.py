"""The words of an import: a row of a roster, a person already known, a problem. Types only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from appliance.policy.account import Consent, GroupKind, Role


@dataclass(frozen=True, slots=True, order=True)
class GroupRef:
    """A group a roster speaks of: ``name`` as in the directory, ``title`` as written in the file."""

    name: str
    kind: GroupKind
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """One person of a roster file; ``line`` counts from 1 with the header. ``login`` is a wish and mostly empty.

    ``consents`` is ``None`` where the file does not speak of them; without ``role_named`` the role is a default.
    """

    line: int
    source_id: str
    given_name: str
    surname: str
    role: Role
    groups: frozenset[GroupRef]
    birth_date: date | None = None
    consents: frozenset[Consent] | None = None
    login: str = ""
    role_named: bool = True


@dataclass(frozen=True, slots=True)
class Roster:
    """A file that was read: its rows, and the kinds of group it speaks of (others are left alone)."""

    rows: tuple[Row, ...]
    kinds: frozenset[GroupKind]


@dataclass(frozen=True, slots=True)
class Known:
    """A person who has an account; ``groups`` by name. ``disabled``: was gone at an earlier import.

    ``pending``: an earlier import reserved login and numeric id and was cut before the directory had the account;
    without ``has_password`` it was cut before a one-time password was handed out.
    """

    login: str
    uid: int
    source_id: str | None
    given_name: str
    surname: str
    birth_date: date | None
    role: Role
    groups: tuple[str, ...] = ()
    consents: frozenset[Consent] = frozenset()
    disabled: bool = False
    pending: bool = False
    has_password: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file, where, and what to do about it. ``line`` 0 speaks of the file as a whole."""

    file: str
    line: int
    column: str
    value: str
    advice: str

    def __str__(self) -> str:
        """One line for the carer."""
        where = self.file + (f", line {self.line}" if self.line else "") + (f", {self.column}" if self.column else "")
        found = f" «{self.value}»" if self.value else ""
        return f"{where}:{found} {self.advice}"


class RosterError(Exception):
    """A roster cannot be used; ``problems`` holds all that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
