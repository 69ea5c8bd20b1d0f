"""Verbs about passwords (K03, K04): envelopes are relayed, never opened."""

from __future__ import annotations

from typing import Any

from appliance.supervisor.core import Core
from appliance.supervisor.verb import Argument, Call, Verb, VerbError

_ENVELOPE_LIMIT = 16 * 1024
KEY = Argument(limit=64)
"""A public key, 32 bytes as base64."""


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""

    def key(_call: Call) -> dict[str, Any]:
        return {"key": core.passwords.key()}

    def change(call: Call) -> dict[str, Any]:
        answer = core.passwords.change(call.arguments["envelope"])
        core.in_force(directory_too=True)
        return answer

    def reset(call: Call) -> dict[str, Any]:
        account = core.account(call.arguments["login"])
        sealed, missing = core.passwords.issue([account.login], call.arguments["recipient"], call.by)
        core.in_force(directory_too=True)
        if missing:
            raise VerbError("directory", f"the directory refused the new password of {account.login}")
        return {"login": account.login, "sealed": sealed}

    return {
        "auth.key": Verb(key),
        "passwd": Verb(change, {"envelope": Argument(limit=_ENVELOPE_LIMIT)}),
        "users.reset-password": Verb(reset, {"login": Argument(), "recipient": KEY}),
    }
