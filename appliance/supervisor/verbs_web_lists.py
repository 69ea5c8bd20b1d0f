"""Verbs about the web filter's lists: how each stands, and renewing them now."""

from __future__ import annotations

from typing import Any

from appliance.supervisor.core import Core
from appliance.supervisor.lists_renewal import NotRenewed, renew
from appliance.supervisor.verb import Call, Verb, VerbError, optional
from appliance.supervisor.web_lists import told


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""

    def show(_call: Call) -> dict[str, Any]:
        try:
            return told(core.settings)
        except (OSError, ValueError) as error:
            raise VerbError("try-later", f"how the lists are cannot be read ({error})") from error

    def update(call: Call) -> dict[str, Any]:
        try:
            return renew(core.settings, call.progress, smaller=call.arguments["smaller"] or False)
        except NotRenewed as problem:
            raise VerbError(problem.kind, problem.text) from problem

    return {"web.lists": Verb(show), "web.lists-update": Verb(update, {"smaller": optional(bool)})}
