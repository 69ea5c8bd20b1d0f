"""All verbs on homes, mailboxes and group folders: the place behind which they are made, moved and removed (K05, K23).

May live here: the verbs, and in which thread each runs. May not: how it is done (``homes``, ``mailboxes``, ``groups``,
``shelf``, ``mending``, ``giving``). A mailbox goes where its home goes, and first, so that a cut leaves nothing behind.
What may take minutes runs in a thread of its own that stands back behind everything else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from appliance.daemon.descriptors import FOLDER, opened
from appliance.daemon.request_server import Peer, RequestError, Verb
from appliance.privileged import names, rests
from appliance.privileged.counting import stand_back
from appliance.privileged.forgetting import Deleted
from appliance.privileged.giving import Heir, give
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from appliance.privileged.mailboxes import Mailboxes
from appliance.privileged.mending import Mended, Owner, mend
from appliance.privileged.shelf import Former, HomeError, Shelf

_log = logging.getLogger(__name__)

T = TypeVar("T")
_WHICH = {"kind": str, "name": str, "number": int}


class Tree:
    """The folders ``homes``, ``mail`` and ``groups`` below ``data``.

    ``note`` hears what is about to be deleted for good, and what it gives is called when it is.
    """

    def __init__(
        self, data: Path, note: Callable[[Deleted], Callable[[], object]] = lambda _deleted: lambda: None
    ) -> None:
        self._data = data
        self._note = note
        self._homes, self._groups = Homes(data / "homes"), Groups(data / "groups")
        self._mailboxes = Mailboxes(data / "mail")
        self._shelves: Mapping[str, Shelf] = {"homes": self._homes, "groups": self._groups, "mail": self._mailboxes}
        self._quick = ThreadPoolExecutor(1, "tree")
        self._slow = ThreadPoolExecutor(1, "mending", initializer=stand_back)
        self._ids: Callable[[], names.Ids] = lambda: names.Ids(1, 0)

    def verbs(self, allowed: Callable[[Peer], bool], ids: Callable[[], names.Ids]) -> Mapping[str, Verb]:
        """The verbs for callers that are ``allowed``; ``ids()`` are those that accounts may have now."""
        self._ids = ids
        for shelf in self._shelves.values():
            shelf.ours = lambda number: ids().first <= number <= ids().last
        table: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
            "home-make": (self._home_make, {"login": str, "uid": int, "gid": int}),
            "home-remove": (self._home_remove, {"login": str, "uid": int}),
            "group-make": (self._group_make, {"name": str, "gid": int, "was": (str, type(None))}),
            "group-mend": (self._group_mend, {"name": str, "gid": int}),
            "folders-list": (self._list, {}),
            "folder-aside": (self._aside, _WHICH),
            "folder-give": (self._give, {**_WHICH, "to": str, "heir": int}),
            "folder-remove": (self._remove, _WHICH),
            "rests-sweep": (self._sweep_rests, {}),
        }
        return {name: Verb(function, arguments, allowed) for name, (function, arguments) in table.items()}

    def begin(self) -> None:
        """Finish what a power cut left."""
        self._quick.submit(self._sweep)

    def stop(self) -> None:
        """Finish what is being made; what would take minutes begins no more."""
        self._quick.shutdown()
        self._slow.shutdown(cancel_futures=True)

    async def _home_make(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        login = _checked(names.login, arguments["login"])
        uid, gid = self._number(arguments["uid"]), self._number(arguments["gid"])

        def act() -> bool:
            whose = self._homes.whose(login)
            if self._homes.root and whose and whose != uid:
                self._mailboxes.put_aside(login, whose)  # a login given to somebody else opens no mail either
            self._mailboxes.bring_back(login, uid)
            return self._homes.make(login, uid, gid)

        return {"made": await _run(self._quick, act)}

    async def _home_remove(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        login = _checked(names.login, arguments["login"])
        number = self._number(arguments["uid"]) if self._homes.root else 0

        def act() -> bool:
            self._mailboxes.remove(login)
            others = tuple(name for name in self._homes.others(login, number) if name != login)
            return self._for_good(Deleted("homes", login, number, others), partial(self._homes.remove, login))

        return {"removed": await _run(self._quick, act)}

    async def _group_make(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        name, gid = _checked(names.group, arguments["name"]), self._number(arguments["gid"])
        was = None if arguments["was"] is None else _checked(names.group, arguments["was"])
        return {"made": await _run(self._quick, partial(self._groups.make, name, gid, was))}

    async def _group_mend(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        name, gid = _checked(names.group, arguments["name"]), self._number(arguments["gid"])

        def act() -> Mended:
            if not self._groups.root:
                return Mended()  # all is ours
            try:
                with opened(os.open(self._data / "groups" / name, FOLDER)) as top:
                    if os.fstat(top).st_gid != gid:
                        raise HomeError("the group folder belongs to another id")
                    return mend(top, Owner(gid))
            except FileNotFoundError:
                return Mended()

        return _told(await _run(self._slow, act))

    async def _list(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        def act() -> Mapping[str, Any]:
            former = [(kind, one) for kind, shelf in self._shelves.items() for one in shelf.former()]
            return {
                "numbered": self._homes.root,
                "homes": dict(self._homes.standing()),
                "groups": dict(self._groups.standing()),
                "mail": dict(self._mailboxes.standing()),
                "former": [[kind, one.name, one.number, one.day.isoformat()] for kind, one in former],
            }

        return await _run(self._quick, act)

    async def _aside(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        shelf, (name, number) = self._shelf(arguments), self._which(arguments)
        number = number if number == 0 and (shelf is self._mailboxes or not shelf.root) else self._number(number)

        def act() -> bool:
            if shelf is self._homes and shelf.whose(name) == (number if shelf.root else 0):
                self._mailboxes.put_aside(name, number)
            return shelf.put_aside(name, number)

        return {"done": await _run(self._quick, act)}

    async def _give(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        kind, former = arguments["kind"], await self._former(arguments)
        to = _checked(names.group if kind == "groups" else names.login, arguments["to"])
        if kind == "mail":
            return {"folder": await _run(self._quick, partial(self._mailboxes.give, former, to)), **_told(Mended())}
        heir = Heir(to, self._number(arguments["heir"]), home=kind == "homes")
        name, mended = await _run(self._slow, partial(give, self._data / kind, former, heir))
        return {"folder": name, **_told(mended)}

    async def _remove(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        shelf, former = self._shelf(arguments), await self._former(arguments)

        def act() -> bool:
            if shelf is self._mailboxes:
                return shelf.throw_away(former)  # of mail there are no former versions
            others = tuple(shelf.others(former.name, former.number))
            deleted = Deleted(arguments["kind"], former.name, former.number, others)
            return self._for_good(deleted, partial(shelf.throw_away, former))

        done = await _run(self._quick, act)
        self._slow.submit(self._empty, shelf)
        return {"done": done}

    async def _sweep_rests(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        return {"removed": await _run(self._slow, partial(rests.sweep, self._data, time.time()))}

    def _for_good(self, deleted: Deleted, act: Callable[[], bool]) -> bool:
        """Delete it, and have it forgotten, however far that came."""
        forget = self._note(deleted)
        try:
            return act()
        finally:
            forget()

    def _shelf(self, arguments: Mapping[str, Any]) -> Shelf:
        if arguments["kind"] not in self._shelves:
            raise RequestError("bad-argument", f"there is no such kind of folder; known: {', '.join(self._shelves)}")
        return self._shelves[arguments["kind"]]

    @staticmethod
    def _which(arguments: Mapping[str, Any]) -> tuple[str, int]:
        check = names.group if arguments["kind"] == "groups" else names.login
        return _checked(check, arguments["name"]), arguments["number"]

    async def _former(self, arguments: Mapping[str, Any]) -> Former:
        shelf, (name, number) = self._shelf(arguments), self._which(arguments)
        for one in await _run(self._quick, shelf.former):
            if (one.name, one.number) == (name, number):
                return one
        raise RequestError("conflict", "no such folder was put aside")

    def _number(self, value: int) -> int:
        return _checked(partial(names.number, ids=self._ids()), value)

    def _sweep(self) -> None:
        for shelf in self._shelves.values():
            _report(shelf.sweep)

    def _empty(self, shelf: Shelf) -> None:
        _report(shelf.empty)


def _report(act: Callable[[], int]) -> None:
    try:
        failed = act()
    except OSError as error:
        _log.error("a folder of homes, groups or mailboxes cannot be read: %s", os.strerror(error.errno or 0))
    else:
        if failed:
            _log.error("%d removed folder(s) cannot be deleted entirely", failed)


def _told(mended: Mended) -> Mapping[str, Any]:
    return {"changed": mended.changed, "left": mended.left}


def _checked(check: Callable[[Any], T], value: Any) -> T:
    try:
        return check(value)
    except names.WrongArgument as error:
        raise RequestError("bad-argument", str(error)) from error


async def _run(executor: Executor, act: Callable[[], T]) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, act)
    except HomeError as error:
        raise RequestError("conflict", str(error)) from error
    except OSError as error:
        raise RequestError("disk", os.strerror(error.errno or 0)) from error
