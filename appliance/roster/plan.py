"""What an import would do: rows of a roster against the people already known. Pure: nothing here acts.

Matching goes by source ID, then by (surname, first name, birth date), then it asks: a row that fits several people is a
problem for the carer and nothing is done. Who is in the same roles as the file and not in it has gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from appliance.policy.account import Consent, GroupKind, Role
from appliance.roster.logins import make_login
from appliance.roster.record import GroupRef, Known, Problem, Roster, Row

_NAMED = 20
"""Logins that a problem names at the most."""


@dataclass(frozen=True, slots=True)
class New:
    """A person who gets an account under ``login``; ``resumed`` is what an earlier, cut import reserved."""

    login: str
    row: Row
    resumed: Known | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A known person whose data differ; ``what`` maps a field to (old, new) as text."""

    login: str
    row: Row
    what: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Move:
    """A known person who leaves groups (by name) and joins others (both sorted)."""

    login: str
    leaves: tuple[str, ...]
    joins: tuple[GroupRef, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that an import would do. ``waiting`` are rows without the consent to an account (K23): they get none.

    ``gone`` are logins; they are disabled, not deleted. ``unissued`` are logins that an earlier, cut import left
    without a one-time password. ``matched`` pairs every row of a known person with that person:
    what else is kept of it (source ID, birth date, consents) is brought up to the file.
    """

    new: tuple[New, ...] = ()
    changed: tuple[Change, ...] = ()
    moved: tuple[Move, ...] = ()
    gone: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    unissued: tuple[str, ...] = ()
    waiting: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()
    matched: tuple[tuple[Row, Known], ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing would be seen to change."""
        return not (self.new or self.changed or self.moved or self.gone or self.returned or self.unissued)


def plan(
    roster: Roster,
    known: Collection[Known],
    *,
    filename: str,
    given: frozenset[Consent],
    taken: Collection[str],
    groups: Mapping[str, GroupKind],
    gone_share: float,
    allow_gone: bool = False,
) -> Plan:
    """The plan for a roster.

    ``given`` are consents that the caller vouches for in every row that does not speak of them itself. ``taken`` are
    logins that nobody new may get (those of deleted accounts and of services). ``groups`` are the existing ones. When
    more than ``gone_share`` (0 to 1) of the known people of the file's roles have gone, that is a problem unless
    ``allow_gone``.
    """
    rows = roster.rows
    matcher = _Matcher(known, filename)
    pairs = [(row, matcher.match(row)) for row in rows]
    problems = [*matcher.problems, *_sudden_roles(pairs, filename)]
    occupied = {person.login for person in known} | set(taken)
    new, waiting = [], []
    for row, person in sorted(pairs, key=lambda pair: _natural(pair[0].source_id)):
        if person is not None and not person.pending:
            continue
        if Consent.ACCOUNT not in (given if row.consents is None else row.consents):
            waiting.append(row)
        elif person is not None:
            new.append(New(person.login, row, resumed=person))
        elif row.login and row.login in occupied:
            advice = "this login is taken by somebody else; leave the cell empty or choose another"
            problems.append(Problem(filename, row.line, "login", row.login, advice))
        else:
            login = row.login or make_login(row.given_name, row.surname, occupied)
            occupied.add(login)
            new.append(New(login, row))
    matched = tuple((row, person) for row, person in pairs if person is not None and not person.pending)
    gone, too_many = _gone(known, rows, set(matcher.used), gone_share, filename)
    if too_many and not allow_gone:
        problems.append(too_many)
    leavable = {name for name, kind in groups.items() if kind in roster.kinds}
    return Plan(
        new=tuple(new),
        changed=tuple(_changes(matched)),
        moved=tuple(_moves(matched, leavable)),
        gone=gone,
        returned=tuple(sorted(person.login for _row, person in matched if person.disabled)),
        unissued=tuple(sorted(person.login for _row, person in matched if not person.has_password)),
        waiting=tuple(waiting),
        problems=tuple(problems),
        matched=matched,
    )


def _natural(source_id: str) -> tuple[int, str]:
    """Order of source IDs: 9 before 10, whatever the order of the file."""
    return (len(source_id), source_id) if source_id.isdigit() else (1 << 16, source_id)


class _Matcher:
    """Finds the known person of a row; each person once."""

    def __init__(self, known: Collection[Known], filename: str) -> None:
        self.problems: list[Problem] = []
        self.used: dict[str, int] = {}
        self._filename = filename
        self._by_id = {person.source_id: person for person in known if person.source_id}
        self._by_name: dict[tuple[str, str, object], list[Known]] = {}
        for person in known:
            if person.birth_date is not None:
                key = (person.surname.casefold(), person.given_name.casefold(), person.birth_date)
                self._by_name.setdefault(key, []).append(person)

    def match(self, row: Row) -> Known | None:
        person = self._by_id.get(row.source_id)
        if person is None and row.birth_date is not None:
            key = (row.surname.casefold(), row.given_name.casefold(), row.birth_date)
            candidates = self._by_name.get(key, [])
            if len(candidates) > 1:
                logins = ", ".join(sorted(candidate.login for candidate in candidates))
                advice = f"fits several accounts ({logins}) by name and birth date; give the row the source ID of one"
                self.problems.append(Problem(self._filename, row.line, "source_id", row.source_id, advice))
                return None
            person = candidates[0] if candidates else None
        if person is not None and person.login in self.used:
            advice = f"is the same person as line {self.used[person.login]} (account {person.login}); remove one line"
            self.problems.append(Problem(self._filename, row.line, "source_id", row.source_id, advice))
            return None
        if person is not None:
            self.used[person.login] = row.line
        return person


def _sudden_roles(pairs: Iterable[tuple[Row, Known | None]], filename: str) -> Iterable[Problem]:
    """Nobody gets another role because a file does not speak of roles: usually an ID was given twice."""
    for row, person in pairs:
        if person is not None and not person.pending and not row.role_named and row.role is not person.role:
            advice = (
                f"is the account {person.login}, a {person.role}, who would become a {row.role}; "
                "is the ID right? If so, name the role in a column «Rolle»"
            )
            yield Problem(filename, row.line, "source_id", row.source_id, advice)


def _changes(pairs: Iterable[tuple[Row, Known]]) -> Iterable[Change]:
    for row, person in pairs:
        fields = ("given_name", "surname", "role", "source_id")
        what = {name: (str(getattr(person, name)), str(getattr(row, name))) for name in fields}
        different = {name: (old, new) for name, (old, new) in what.items() if old != new}
        if different:
            yield Change(person.login, row, different)


def _moves(pairs: Iterable[tuple[Row, Known]], leavable: Collection[str]) -> Iterable[Move]:
    for row, person in pairs:
        wanted = {group.name: group for group in row.groups}
        leaves = tuple(sorted(name for name in person.groups if name not in wanted and name in leavable))
        joins = tuple(sorted(wanted[name] for name in wanted.keys() - set(person.groups)))
        if leaves or joins:
            yield Move(person.login, leaves, joins)


def _gone(
    known: Collection[Known], rows: Sequence[Row], used: Collection[str], share: float, filename: str
) -> tuple[tuple[str, ...], Problem | None]:
    """Logins that the file no longer has, and a problem where they are suspiciously many."""
    roles: set[Role] = {row.role for row in rows}
    there = [person for person in known if person.role in roles and not person.pending and not person.disabled]
    gone = tuple(sorted(person.login for person in there if person.login not in used))
    if len(gone) <= share * len(there):
        return gone, None
    advice = (
        f"{len(gone)} of {len(there)} accounts of these roles are not in the file (more than {share:.0%}): "
        f"{', '.join(gone[:_NAMED])}{' …' if len(gone) > _NAMED else ''}; is it complete, are its IDs those of last "
        "time? If it is right, repeat with --allow-gone (and --dry-run first)"
    )
    return gone, Problem(filename, 0, "", "", advice)
