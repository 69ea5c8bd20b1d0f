"""Verbs about what comes back from the backup, and what leaves it: files, mail, a group's files; a person forgotten.

What they do is ``appliance.backup``, started by the privileged process; here is who gets what, and the record of it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from appliance.policy.account import Account
from appliance.policy.events import Kind
from appliance.supervisor.backup_jobs import followed, helper, shown
from appliance.supervisor.core import Core
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional
from appliance.usage.delta import Place

LOG = logging.getLogger(__name__)

_LONGEST = 2048
_MOST = 50


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of these nouns."""
    back = _Back(core)
    return {
        "restore": Verb(
            back.restore,
            {
                "user": optional(),
                "group": optional(),
                "paths": optional(list, default=[], limit=_LONGEST),
                "mail": optional(bool, default=False),
                "date": optional(),
            },
        ),
        "backup.forget": Verb(
            back.forget,
            {
                "login": Argument(),
                "uid": optional(limit=10),
                "consent_withdrawn": optional(bool, default=False),
                "undo": optional(bool, default=False),
            },
        ),
    }


class _Back:
    def __init__(self, core: Core) -> None:
        self._core = core

    def restore(self, call: Call) -> dict[str, Any]:
        """Bring files or mail back, to whom they belong."""
        given, core = call.arguments, self._core
        if (given["user"] is None) == (given["group"] is None) or (given["group"] is not None and given["mail"]):
            raise VerbError("wrong-arguments", "say whose: a user (files, or mail), or a group")
        if len(given["paths"]) > _MOST:
            raise VerbError("wrong-arguments", f"argument 'paths' has up to {_MOST} texts")
        core.room()
        wanted = self._of_group(given["group"]) if given["group"] else self._of_account(given["user"], given["mail"])
        with helper(core) as hands:
            job = hands.backup("restore", **wanted, paths=list(given["paths"]), date=given["date"])
            came = followed(hands, call, job)
        self._count(wanted["part"], came["added"])
        snapshot, whose = came["snapshot"], {"login": None, "group": wanted["name"]}
        if given["group"] is None:
            whose = {"login": wanted["name"], "group": None}
        core.record(Kind.RESTORED, **whose, by=call.by, snapshot=snapshot)
        kept = {name: came[name] for name in ("folder", "files", "lacking", "left")}
        return {**whose, **kept, "mail": given["mail"], "copy": snapshot, "at": shown(core, snapshot)}

    def forget(self, call: Call) -> dict[str, Any]:
        """Ask the backup server to remove a person from all snapshots, or take that back (K24)."""
        given, core = call.arguments, self._core
        login, uid = self._person(given["login"], given["uid"])
        wanted = {"consent_withdrawn": given["consent_withdrawn"], "undo": given["undo"]}
        with helper(core) as hands:
            told = followed(hands, call, hands.backup("forget", login=login, uid=uid, **wanted))
        core.record(Kind.BACKUP_FORGET, login=login, by=call.by, undone="yes" if given["undo"] else "no")
        return {"login": login, **told}

    def _of_account(self, login: str, mail: bool) -> dict[str, Any]:
        account = self._core.account(login)
        part = "mail" if mail else "homes"
        return {"part": part, "name": account.login, "number": account.uid, "room": self._room(account)}

    def _of_group(self, name: str) -> dict[str, Any]:
        group = self._core.snapshot().groups.get(name)
        if group is None:
            raise VerbError("unknown-group", f"there is no group {name[:80]!r}")
        return {"part": "groups", "name": group.name, "number": group.gid, "room": None}

    def _room(self, account: Account) -> int | None:
        """Bytes that are left of its quota; ``None``: it has none."""
        return account.quota - self._core.ledger.usage.of(account.uid) if account.quota else None

    def _count(self, part: str, added: Mapping[str, int]) -> None:
        place = Place.MAIL if part == "mail" else Place.FILES
        try:
            self._core.ledger.restored(place, {int(uid): size for uid, size in added.items()})
        except OSError as problem:  # the count of the night sees it
            LOG.error("what a restore added is not in the ledger yet: %s", problem.strerror)

    def _person(self, login: str, number: str | None) -> tuple[str, int | None]:
        """Who is meant: an account, or one that was deleted, whose number the backup server finds if nobody says it."""
        core = self._core
        name = login.strip().lower().removesuffix(f"@{core.snapshot().domain}")
        account = core.snapshot().accounts.get(name)
        if number is not None:
            if not (number.isascii() and number.isdecimal()):
                raise VerbError("wrong-arguments", "argument 'uid' is a number")
            return name, int(number)
        if account is not None and not account.hidden:
            return name, account.uid
        former = {one.number for one in core.folders.found().former if one.name == name and one.number}
        return name, former.pop() if len(former) == 1 else None
