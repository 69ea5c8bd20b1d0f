"""Moving a school from one directory into another: accounts, groups, numeric ids, members, who is disabled.

Passwords cannot go along, for no directory gives them away. May live here: what is missing over there, and doing it,
in an order in which a cut is mended by doing it again. May not: which directories they are, switching over (``setup``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from appliance.directory.errors import DirectoryRefused
from appliance.directory.records import DirectoryAccount, DirectoryGroup, DirectoryState

if TYPE_CHECKING:
    from appliance.directory.client import Directory

    Act = Callable[[Directory], None]

_NAMES: Final = ("given_name", "surname", "display_name", "role")


class CannotMove(Exception):
    """Some entries were refused over there; the text names each, for the carer's eyes only."""


def steps(source: DirectoryState, target: DirectoryState) -> list[tuple[str, Act]]:
    """Give what has to be done so that ``target`` says what ``source`` says; nothing when it does.

    Each step is whose entry it is about, and what does it.
    """
    return [*_removed(source, target), *_groups(source, target), *_accounts(source, target), *_members(source, target)]


def move(
    source: DirectoryState, target: Directory, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> int:
    """Do that, and give how many things were done; ``progress`` gets how many are done and how many there are.

    What is refused stops nothing but itself: at the end :class:`CannotMove` names all of it. Raises
    ``DirectoryUnavailable``; done once more it goes on.
    """
    todo, refused = steps(source, target.read()), []
    for done, (name, step) in enumerate(todo):
        progress(done, len(todo))
        try:
            step(target)
        except DirectoryRefused as error:
            refused.append(f"{name}: {error}")
    progress(len(todo), len(todo))
    if refused:
        raise CannotMove("\n".join(refused))
    return len(todo)


def _removed(source: DirectoryState, target: DirectoryState) -> Iterator[tuple[str, Act]]:
    """What went away here since it was moved, or got another number, which cannot be changed."""
    accounts = {account.login: account.uid for account in source.accounts}
    for account in target.accounts:
        if accounts.get(account.login) != account.uid:
            yield account.login, _call("remove_account", account.login)
    groups = {group.name: (group.gid, group.kind) for group in source.groups}
    for group in target.groups:
        if groups.get(group.name) != (group.gid, group.kind):
            yield group.name, _call("remove_group", group.name)


def _groups(source: DirectoryState, target: DirectoryState) -> Iterator[tuple[str, Act]]:
    there = {(group.name, group.gid, group.kind) for group in target.groups}
    for group in source.groups:
        if (group.name, group.gid, group.kind) not in there:
            wanted = {"name": group.name, "kind": group.kind, "gid": group.gid, "title": group.title}
            yield group.name, _call("create_group", **wanted)


def _accounts(source: DirectoryState, target: DirectoryState) -> Iterator[tuple[str, Act]]:
    there = {(account.login, account.uid): account for account in target.accounts}
    for account in source.accounts:
        found = there.get((account.login, account.uid))
        if found is None:
            wanted = {name: getattr(account, name) for name in ("login", "uid", "hidden", *_NAMES)}
            yield account.login, _call("create_account", **wanted)
        elif not account.hidden and _named(found) != _named(account):
            yield account.login, _call("update_account", account.login, **_named(account))
        if account.disabled != (found is not None and found.disabled):
            yield account.login, _call("set_disabled", account.login, account.disabled)


def _members(source: DirectoryState, target: DirectoryState) -> Iterator[tuple[str, Act]]:
    there = {(group.name, group.gid): frozenset(group.members) for group in target.groups}
    here = {account.login: account.uid for account in source.accounts}
    kept = {account.login for account in target.accounts if here.get(account.login) == account.uid}
    for group in source.groups:
        before = there.get((group.name, group.gid), frozenset()) & kept
        yield from _changed(group, "add_members", (login for login in group.members if login not in before))
        yield from _changed(group, "remove_members", sorted(before.difference(group.members)))


def _changed(group: DirectoryGroup, how: str, logins: Iterable[str]) -> Iterator[tuple[str, Act]]:
    found = tuple(logins)
    if found:
        yield group.name, _call(how, group.name, found)


def _named(account: DirectoryAccount) -> dict[str, object]:
    return {name: getattr(account, name) for name in _NAMES}


def _call(method: str, *arguments: object, **named: object) -> Act:
    return lambda target: getattr(target, method)(*arguments, **named)
