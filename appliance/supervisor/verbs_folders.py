"""Verbs about folders: those put aside, giving one to those who go on with it, putting right (K05, K23)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

from appliance.policy.events import Kind
from appliance.privileged.client import PrivilegedClient
from appliance.supervisor.core import Core
from appliance.supervisor.folders_found import GROUPS, HOMES, MAIL, Former
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional

_LONG = 3600.0  # seconds for one group's files
_ONE = {HOMES: "home", GROUPS: "group", MAIL: "mail"}


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    folders = _FolderVerbs(core)
    return {
        "folders.list": Verb(folders.list),
        "folders.tidy": Verb(folders.tidy, {"allow_gone": optional(bool, default=False)}),
        "folders.mend": Verb(folders.mend, {"group": optional()}),
        "folders.give": Verb(folders.give, {"which": Argument(), "to": Argument()}),
        "folders.remove": Verb(folders.remove, {"which": Argument()}),
        "folders.versions": Verb(folders.versions),
        "folders.forget": Verb(folders.forget, {"instant": optional()}),
    }


class _FolderVerbs:
    def __init__(self, core: Core) -> None:
        self._core = core

    def list(self, _call: Call) -> dict[str, Any]:
        found = self._core.folders.found()
        keep = timedelta(seconds=self._core.settings.fileshare.keep_aside)
        return {
            "former": [
                {
                    "kind": _ONE[one.kind],
                    "name": one.name,
                    "id": one.number,
                    "aside": one.day.isoformat(),
                    "deleted": (one.day + keep).isoformat(),
                }
                for one in sorted(found.former, key=lambda one: (one.day, one.kind, one.name))
            ]
        }

    def tidy(self, call: Call) -> dict[str, Any]:
        core = self._core
        core.publisher.look()
        snapshot = core.publisher.fresh()
        if snapshot is None:
            raise VerbError("try-later", "the directory gives no answer; nothing was done")
        done = core.folders.tidy(snapshot, call.arguments["allow_gone"])
        core.deleting_again.delete(snapshot, call.arguments["allow_gone"])
        row = core.folders.check()
        refused = [{"kind": _ONE[step.kind], "name": step.name, "why": why} for step, why in done.refused]
        return {"made": done.made, "aside": done.aside, "ok": row["ok"], "text": row["text"], "refused": refused}

    def mend(self, call: Call) -> dict[str, Any]:
        groups = {group.name: group.gid for group in self._core.snapshot().groups.values()}
        name = call.arguments["group"]
        chosen = groups if name is None else {name: self._gid(name)}
        with self._helper() as helper:
            changed, left = self._core.folders.mend(chosen, call.progress, helper)
        return {"groups": len(chosen), "changed": changed, "left": left}

    def give(self, call: Call) -> dict[str, Any]:
        core, left = self._core, 0
        former = self._former(call.arguments["which"])
        if former[0].kind == GROUPS:
            to = call.arguments["to"]
            number = self._gid(to)
        else:
            account = core.account(call.arguments["to"])
            to, number = account.login, account.uid
        core.room()
        folders = {}
        with self._helper() as helper:
            for one in former:
                folders[one.kind], here = helper.folder_give(one.kind, (one.name, one.number), (to, number))
                left += here
                core.record(Kind.FOLDER_GIVEN, area=one.kind, name=one.name, to=to, by=call.by)
        mail = folders.pop(MAIL, None)
        return {
            "name": former[0].name,
            "to": to,
            "folder": next(iter(folders.values()), None),
            "mail": mail,
            "left": left,
        }

    def remove(self, call: Call) -> dict[str, Any]:
        former = self._former(call.arguments["which"])
        with self._helper() as helper:
            for one in former:
                try:
                    self._core.deleting(one)
                except OSError as problem:
                    raise VerbError("state", f"the list of deleted accounts: {problem.strerror}") from problem
                if not helper.folder_remove(one.kind, one.name, one.number):
                    raise VerbError("unknown-folder", "it was deleted meanwhile")
                self._core.record(Kind.FOLDER_DELETED, area=one.kind, name=one.name, by=call.by)
        return {"kinds": [_ONE[one.kind] for one in former], "name": former[0].name}

    def versions(self, _call: Call) -> dict[str, Any]:
        with self._helper() as helper:
            hindrance, taken = helper.shadows_list()
        return {"hindrance": hindrance, "instants": list(taken)}

    def forget(self, call: Call) -> dict[str, Any]:
        """Give up the former versions of one instant, or all."""
        instant, count = call.arguments["instant"], 0
        with self._helper() as helper:
            _, taken = helper.shadows_list()
            if instant is not None and instant not in taken:
                raise VerbError(
                    "unknown-instant", f"there are none of {instant[:40]!r}; see: schoolserver folders versions"
                )
            try:
                wanted = taken if instant is None else (instant,)
                for done, one in enumerate(wanted):
                    call.progress(done, len(wanted), one)
                    count += helper.shadows_remove(one)
            finally:
                if count:
                    self._core.record(Kind.VERSIONS_DELETED, instant=instant, count=count, by=call.by)
        return {"count": count}

    def _former(self, which: str) -> Sequence[Former]:
        """What is meant by its name or its id: a group's folder, or a home, a mailbox, or both of one account."""
        all_ = self._core.folders.found().former
        fitting = [one for one in all_ if which == one.name or (one.number and which == str(one.number))]
        if not fitting:
            raise VerbError("unknown-folder", f"no folder {which[:80]!r} was put aside; see: schoolserver folders list")
        whose = {(one.kind == GROUPS, one.name, one.number) for one in fitting if one.number or one.kind != MAIL}
        if len(whose) > 1 or (len({one.kind == GROUPS for one in fitting}) > 1):
            ids = ", ".join(f"{one.number} ({_ONE[one.kind]}, since {one.day})" for one in fitting)
            raise VerbError("unknown-folder", f"several folders were called so; name one by its id: {ids}")
        return fitting

    def _gid(self, name: str) -> int:
        group = self._core.snapshot().groups.get(name)
        if group is None:
            raise VerbError("unknown-group", f"there is no group {name[:80]!r}")
        return group.gid

    @contextmanager
    def _helper(self) -> Iterator[PrivilegedClient]:
        """A connection of our own: a large folder delays nobody."""
        path = self._core.settings.server.runtime / "privileged" / "privileged.sock"
        with closing(PrivilegedClient(path, _LONG)) as helper:
            yield helper
