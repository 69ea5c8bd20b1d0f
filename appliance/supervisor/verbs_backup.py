"""Verbs about the copy in the second place: make one, list them, pair with the place (K07).

What they do is ``appliance.backup``, started by the privileged process; here is who gets what, and the record of it.
"""

from __future__ import annotations

from typing import Any

from appliance.daemon.request_client import RequestRefused
from appliance.supervisor.backup_jobs import followed, helper, shown, until
from appliance.supervisor.core import Core
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    copies = _Copies(core)
    return {
        "backup.run": Verb(copies.run),
        "backup.list": Verb(copies.list),
        "backup.pair": Verb(copies.pair, {"host": optional(), "port": Argument(limit=5), "again": optional(bool)}),
        "backup.pair-answer": Verb(copies.pair_answer, {"job": Argument(limit=20), "same": Argument(bool)}),
    }


class _Copies:
    def __init__(self, core: Core) -> None:
        self._core = core

    def run(self, call: Call) -> dict[str, Any]:
        with helper(self._core) as hands:
            made = followed(hands, call, hands.backup("run"))
        return {**made, "at": shown(self._core, made["snapshot"])}

    def list(self, call: Call) -> dict[str, Any]:
        with helper(self._core) as hands:
            found = followed(hands, call, hands.backup("list"))
        copies = [{**one, "at": shown(self._core, one["name"])} for one in found["snapshots"]]
        return {**found, "snapshots": copies}

    def pair(self, call: Call) -> dict[str, Any]:
        """Begin; gives the ``code`` to compare and the ``job`` that waits for the answer."""
        given = call.arguments
        with helper(self._core) as hands:
            job = hands.backup("pair", host=given["host"], port=_number(given["port"]), again=bool(given["again"]))
            state = until(hands, call, job, lambda state: state["ask"] is not None)
        return {"job": str(job), "code": state["ask"]}

    def pair_answer(self, call: Call) -> dict[str, Any]:
        job = _number(call.arguments["job"])
        with helper(self._core) as hands:
            try:
                hands.backup_answer(job, call.arguments["same"])
            except RequestRefused as refusal:
                raise VerbError("try-later", refusal.text) from refusal
            return followed(hands, call, job)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise VerbError("wrong-arguments", "a number is needed")
    return int(text)
