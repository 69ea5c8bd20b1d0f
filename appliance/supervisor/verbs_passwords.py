"""Verbs about passwords (K03, K04): envelopes are relayed, never opened."""

from __future__ import annotations

from typing import Any

from appliance.policy.account import GroupKind
from appliance.supervisor import first_passwords
from appliance.supervisor.core import Core
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional

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

    def first(call: Call) -> dict[str, Any]:
        """Everybody who never got one (of ``group``), and with ``recipient`` the one-time passwords for them."""
        core.publisher.look()
        accounts, group = core.snapshot().accounts, call.arguments["group"]
        if group is not None and group not in core.snapshot().groups:
            raise VerbError("unknown-group", f"there is no group {group[:80]!r}")
        logins = [one for one in first_passwords.without_password(core) if one in accounts]
        people = [accounts[login] for login in logins if group is None or group in accounts[login].groups]
        classes = {group.name for group in core.snapshot().groups.values() if group.kind is GroupKind.CLASS}
        people.sort(key=lambda account: (sorted(classes.intersection(account.groups)), account.login))
        sealed, warnings = "", list[str]()
        if call.arguments["recipient"] is not None and people:
            wanted, later = [account.login for account in people], "the same command gives them one"
            recipient = call.arguments["recipient"]
            sealed, warnings = first_passwords.issue(core, wanted, recipient, call.progress, later)
            core.in_force(directory_too=True)
        shown = [
            {"login": account.login, "name": account.display_name, "groups": sorted(account.groups)}
            for account in people
        ]
        return {"people": shown, "sealed": sealed, "warnings": warnings}

    return {
        "auth.key": Verb(key),
        "passwd": Verb(change, {"envelope": Argument(limit=_ENVELOPE_LIMIT)}),
        "users.first-passwords": Verb(first, {"group": optional(), "recipient": optional(limit=KEY.limit)}),
        "users.reset-password": Verb(reset, {"login": Argument(), "recipient": KEY}),
    }
