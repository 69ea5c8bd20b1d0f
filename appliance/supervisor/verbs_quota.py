"""Verbs about space (K11): how much somebody has and uses, quotas of single accounts, counting the disk."""

from __future__ import annotations

from typing import Any

from appliance.policy.account import Account
from appliance.policy.events import Kind
from appliance.policy.quota import space_left
from appliance.supervisor.core import Core
from appliance.supervisor.quotas import KnownQuota
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional
from appliance.supervisor.verbs_limits import bytes_of, reason_of
from appliance.supervisor.when import end, shown


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    quota = _QuotaVerbs(core)
    login, reason = Argument(), Argument()
    return {
        "quota.show": Verb(quota.show, {"login": login}),
        "quota.set": Verb(quota.set, {"login": login, "size": Argument(), "until": optional(), "reason": reason}),
        "quota.reset": Verb(quota.reset, {"login": login, "reason": reason}),
        "usage.reconcile": Verb(quota.reconcile),
    }


class _QuotaVerbs:
    def __init__(self, core: Core) -> None:
        self._core = core

    def show(self, call: Call) -> dict[str, Any]:
        core = self._core
        account, zone = core.account(call.arguments["login"]), core.settings.school.zone
        usage = core.ledger.usage
        mail, files = usage.parts(account.uid)
        own = core.quotas.standing(core.clock()).get(account.uid)
        return {
            "login": account.login,
            "quota": account.quota,
            "used": mail + files,
            "mail": mail,
            "files": files,
            "left": space_left(account, mail + files),
            "source": "state quota" if own else str(core.settings.sources[f"quota.roles.{account.role}"]),
            "until": shown(own.until, zone) if own and own.until else None,
            "by": own.by if own else None,
            "reason": own.reason if own else None,
            "counted": usage.known,
        }

    def set(self, call: Call) -> dict[str, Any]:
        core, given = self._core, call.arguments
        account, zone, now = core.account(given["login"]), core.settings.school.zone, core.clock()
        amount, reason = bytes_of(given["size"], 0), reason_of(given, "K11")
        until = None if given["until"] is None else end("until", given["until"], zone)
        if until is not None and until <= now:
            raise VerbError("wrong-arguments", f"argument 'until' is {shown(until, zone)}, which has passed")
        core.quotas.set(account.uid, KnownQuota(amount, now, until, reason, call.by))
        ends = until.isoformat() if until else None
        core.record(Kind.QUOTA_SET, login=account.login, size=amount, until=ends, by=call.by, reason=reason)
        return {**self._published(account), "until": ends}

    def reset(self, call: Call) -> dict[str, Any]:
        core = self._core
        account, reason = core.account(call.arguments["login"]), reason_of(call.arguments, "K11")
        if not core.quotas.reset(account.uid):
            raise VerbError("no-quota", f"{account.login} has no other quota than that of the role")
        core.record(Kind.QUOTA_SET, login=account.login, size=None, until=None, by=call.by, reason=reason)
        return self._published(account)

    def reconcile(self, call: Call) -> dict[str, Any]:
        """Count the disk now; waits for a count under way."""
        try:
            counted = self._core.ledger.count(call.progress)
        except OSError as problem:
            raise VerbError("state", f"the ledger of space cannot be written: {problem.strerror}") from problem
        return {
            "accounts": len(counted.entries),
            "corrected": counted.corrected,
            "unsettled": counted.unsettled,
            "deep": sorted(self._core.ledger.deep),
        }

    def _published(self, account: Account) -> dict[str, Any]:
        published = self._core.in_force()
        now = self._core.account(account.login)
        return {"login": now.login, "quota": now.quota, "published": published}
