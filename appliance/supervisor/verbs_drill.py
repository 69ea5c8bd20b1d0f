"""Verbs about drills of the backup: make one now, and the page about them for the head (K07).

What they do is ``appliance.backup``, started by the privileged process. Nothing that they give names a person.
"""

from __future__ import annotations

from typing import Any

from appliance.supervisor.backup_jobs import followed, helper
from appliance.supervisor.core import Core
from appliance.supervisor.verb import Call, Verb, optional


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    drills = _Drills(core)
    return {
        "backup.drill": Verb(drills.drill),
        "backup.report": Verb(drills.report, {"language": optional(limit=8)}),
    }


class _Drills:
    def __init__(self, core: Core) -> None:
        self._core = core

    def drill(self, call: Call) -> dict[str, Any]:
        with helper(self._core) as hands:
            return followed(hands, call, hands.backup("drill"))

    def report(self, call: Call) -> dict[str, Any]:
        with helper(self._core) as hands:
            return followed(hands, call, hands.backup("report", language=call.arguments["language"]))
