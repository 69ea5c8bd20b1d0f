"""Doing what a plan says, in an order in which a cut at any point is mended by the same import once more.

May live here: the order of steps. May not: deciding any of them (that is the plan's), or how the state or the directory
keeps them. A person is remembered with login and numeric id before the directory hears of the account; memberships come
after; one-time passwords last, for all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from typing import Protocol

from appliance.directory.errors import AlreadyExists
from appliance.policy.account import Consent, GroupKind, Role
from appliance.roster.plan import Change, Move, New, Plan
from appliance.roster.record import GroupRef, Known, Row

Progress = Callable[[int, int, str], None]
"""Steps done, steps in all, what is being done."""


class Register(Protocol):
    """What the state keeps of people; each call is on disk when it returns."""

    def next_uid(self) -> int:
        """A numeric id for an account, never given before."""

    def next_gid(self) -> int:
        """A numeric id for a group, never given before."""

    def remember(self, uid: int, login: str, source_id: str | None, birth_date: date | None) -> None:
        """Keep who ``uid`` is."""

    def consent(self, uid: int, consent: Consent, version: str) -> None:
        """Enter a consent given now."""


class Accounts(Protocol):
    """Accounts of the directory."""

    def create_account(
        self, *, login: str, uid: int, given_name: str, surname: str, role: Role, display_name: str = ""
    ) -> None:
        """Make an account without a password; raises ``AlreadyExists``."""

    def update_account(
        self,
        login: str,
        *,
        given_name: str | None = None,
        surname: str | None = None,
        display_name: str | None = None,
        role: Role | None = None,
    ) -> None:
        """Change what is not ``None``."""

    def set_disabled(self, login: str, disabled: bool) -> None:
        """Close the account, or open it again."""


class Groups(Protocol):
    """Groups of the directory."""

    def create_group(self, *, name: str, kind: GroupKind, gid: int, title: str = "") -> None:
        """Make an empty group; raises ``AlreadyExists``."""

    def add_members(self, group: str, logins: Collection[str]) -> None:
        """Add; who is a member already stays one."""

    def remove_members(self, group: str, logins: Collection[str]) -> None:
        """Remove; who is no member is left alone."""


class Writer(Accounts, Groups, Protocol):
    """The directory's writing side."""


def apply(
    plan: Plan,
    *,
    register: Register,
    writer: Writer,
    existing: Collection[str],
    given: frozenset[Consent],
    issue: Callable[[Sequence[str]], str],
    progress: Progress,
    version: str,
) -> str:
    """Do ``plan`` (which has no problems) and give what ``issue`` gave: the sealed one-time passwords of the new.

    ``existing`` are the names of the groups that are there; ``given`` and ``version`` as for the plan. Raises what the
    register and the directory raise; the same import once more then goes on where this one stopped.
    """
    steps = list(_steps(plan, register, writer, set(existing), given, version))
    for done, (text, step) in enumerate(steps):
        progress(done, len(steps), text)
        step()
    progress(len(steps), len(steps), "first passwords")
    waiting = [*(new.login for new in plan.new), *plan.unissued]
    return issue(waiting) if waiting else ""


Step = tuple[str, Callable[[], None]]


def _steps(
    plan: Plan, register: Register, writer: Writer, existing: set[str], given: frozenset[Consent], version: str
) -> Iterator[Step]:
    for group in sorted(_groups_of(plan)):
        if group.name not in existing:
            yield "groups", _Bound(_make_group, group, register, writer)
    for new in plan.new:
        yield "accounts", _Bound(_make_account, new, register, writer, given, version)
    for row, person in plan.matched:
        yield "records", _Bound(_bring_up_record, row, person, register, given, version)
    for change in plan.changed:
        yield "names", _Bound(_change, change, writer)
    for move in plan.moved:
        yield "groups", _Bound(_move, move, writer)
    for name, logins in _joined_by(plan.new).items():
        yield "groups", _Bound(writer.add_members, name, logins)
    for login in plan.gone:
        yield "gone", _Bound(writer.set_disabled, login, True)
    for login in plan.returned:
        yield "returned", _Bound(writer.set_disabled, login, False)


class _Bound:
    """A call with its arguments, made later."""

    def __init__(self, function: Callable[..., None], *arguments: object) -> None:
        self._function, self._arguments = function, arguments

    def __call__(self) -> None:
        self._function(*self._arguments)


def _groups_of(plan: Plan) -> set[GroupRef]:
    """Groups that the plan needs, one reference a name."""
    wanted = [group for new in plan.new for group in new.row.groups]
    wanted += [group for move in plan.moved for group in move.joins]
    return set({group.name: group for group in sorted(wanted)}.values())


def _joined_by(people: Sequence[New]) -> dict[str, list[str]]:
    joined: dict[str, list[str]] = {}
    for new in people:
        for group in sorted(new.row.groups):
            joined.setdefault(group.name, []).append(new.login)
    return joined


def _make_group(group: GroupRef, register: Register, writer: Writer) -> None:
    try:
        writer.create_group(name=group.name, kind=group.kind, gid=register.next_gid(), title=group.title)
    except AlreadyExists:
        return  # an import that was cut made it


def _make_account(new: New, register: Register, writer: Writer, given: frozenset[Consent], version: str) -> None:
    row = new.row
    uid = new.resumed.uid if new.resumed else register.next_uid()
    register.remember(uid, new.login, row.source_id, row.birth_date)
    for consent in sorted(given if row.consents is None else row.consents):
        register.consent(uid, consent, version)
    try:
        writer.create_account(
            login=new.login,
            uid=uid,
            given_name=row.given_name,
            surname=row.surname,
            role=row.role,
            display_name=_display_name(row),
        )
    except AlreadyExists:
        if new.resumed is None:
            raise


def _bring_up_record(row: Row, person: Known, register: Register, given: frozenset[Consent], version: str) -> None:
    """A file never takes a consent away: withdrawing one is an act of its own (K23)."""
    birth_date = row.birth_date or person.birth_date
    if (row.source_id, birth_date) != (person.source_id, person.birth_date):
        register.remember(person.uid, person.login, row.source_id, birth_date)
    for consent in sorted((given if row.consents is None else row.consents) - person.consents):
        register.consent(person.uid, consent, version)


def _change(change: Change, writer: Writer) -> None:
    row = change.row
    if change.what.keys() & {"given_name", "surname", "role"}:
        writer.update_account(
            change.login,
            given_name=row.given_name,
            surname=row.surname,
            display_name=_display_name(row),
            role=row.role,
        )


def _move(move: Move, writer: Writer) -> None:
    for group in move.joins:
        writer.add_members(group.name, [move.login])
    for name in move.leaves:
        writer.remove_members(name, [move.login])


def _display_name(row: Row) -> str:
    """The name as the roster has it (K35)."""
    return f"{row.given_name} {row.surname}"
