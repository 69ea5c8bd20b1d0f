"""Verbs about the copy in the second place: make one, list them, set the place up, bring a file back (K07).

What they do is ``appliance.backup``, started by the privileged process; here is who gets what, and the record of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from appliance.daemon.request_client import RequestRefused
from appliance.policy.events import Kind
from appliance.privileged.client import PrivilegedClient
from appliance.supervisor.core import Core
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional

_PATH_LIMIT = 2048
_NAME = "%Y-%m-%dT%H%M%S"


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    copies = _Copies(core)
    return {
        "backup.run": Verb(copies.run),
        "backup.list": Verb(copies.list),
        "backup.setup": Verb(copies.setup, {"fingerprint": optional(limit=80)}),
        "restore": Verb(copies.restore, {"login": Argument(), "path": Argument(limit=_PATH_LIMIT), "date": optional()}),
    }


class _Copies:
    def __init__(self, core: Core) -> None:
        self._core = core

    def run(self, call: Call) -> dict[str, Any]:
        with self._helper() as helper:
            made = _followed(helper, call, helper.backup("run"))
        return {**made, "at": self._shown(made["snapshot"])}

    def list(self, call: Call) -> dict[str, Any]:
        with self._helper() as helper:
            found = _followed(helper, call, helper.backup("list"))
        copies = [{"name": name, "at": self._shown(name)} for name in found["snapshots"]]
        return {"copies": copies, "free": found["free"]}

    def setup(self, call: Call) -> dict[str, Any]:
        with self._helper() as helper:
            return _followed(helper, call, helper.backup("setup", fingerprint=call.arguments["fingerprint"]))

    def restore(self, call: Call) -> dict[str, Any]:
        given, core = call.arguments, self._core
        account = core.account(given["login"])
        core.room()
        with self._helper() as helper:
            path = given["path"].strip("/")
            job = helper.backup("restore", login=account.login, uid=account.uid, path=path, date=given["date"])
            came = _followed(helper, call, job)
        snapshot = came["snapshot"]
        core.record(Kind.RESTORED, login=account.login, by=call.by, snapshot=snapshot)
        return {"login": account.login, "folder": came["folder"], "copy": snapshot, "at": self._shown(snapshot)}

    @contextmanager
    def _helper(self) -> Iterator[PrivilegedClient]:
        """A connection of our own: a long copy delays nobody."""
        path = self._core.settings.server.runtime / "privileged" / "privileged.sock"
        with closing(PrivilegedClient(path)) as helper:
            yield helper

    def _shown(self, name: str) -> str:
        made = datetime.strptime(name, _NAME).replace(tzinfo=UTC)
        return f"{made.astimezone(self._core.settings.school.zone):%Y-%m-%d %H:%M}"


def _followed(helper: PrivilegedClient, call: Call, job: int) -> dict[str, Any]:
    """The result of an action of the privileged process, whose progress becomes ours; raises :class:`VerbError`."""
    seen, outcome = 0, None
    while outcome is None:
        try:
            state = helper.backup_follow(job, seen)
        except RequestRefused as refusal:
            raise VerbError("try-later", refusal.text) from refusal
        seen, outcome = state["seen"], state["outcome"]
        call.progress(*state["progress"])
    if "error" in outcome:
        raise VerbError(outcome["error"]["kind"], outcome["error"]["text"])
    return dict(outcome["result"])
