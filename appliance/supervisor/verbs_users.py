"""Verbs about users: who there is, locks (K18) and consents (K23)."""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import Any

from appliance.policy.account import Account, Consent, Lock, Role, Service
from appliance.policy.decision import Allow, Deny
from appliance.policy.events import Kind
from appliance.policy.request import Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot
from appliance.supervisor.core import Core
from appliance.supervisor.locks import KnownLock
from appliance.supervisor.people import GivenConsent
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional
from appliance.supervisor.when import end, shown

_SERVICE = optional(choices=tuple(Service))
_PATIENCE = 1.0
_NOT_YET = "; the directory does not have it yet, see schoolserver status"
_NO_PCS = "nobody logs on at PCs by this directory (directory.yaml: kind), so it closes nothing for now"


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    users = _Users(core)
    login = Argument()
    return {
        "users.list": Verb(users.list, {"group": optional(), "role": optional(choices=tuple(Role))}),
        "users.show": Verb(users.show, {"login": login}),
        "users.lock": Verb(
            users.lock, {"login": login, "reason": Argument(), "until": optional(), "service": _SERVICE}
        ),
        "users.unlock": Verb(users.unlock, {"login": login, "service": _SERVICE}),
        "users.consent": Verb(
            users.consent,
            {
                "login": login,
                "consent": Argument(choices=tuple(Consent)),
                "give": Argument(bool),
                "version": optional(default="", limit=80),
            },
        ),
    }


class _Users:
    def __init__(self, core: Core) -> None:
        self._core = core

    def list(self, call: Call) -> dict[str, Any]:
        snapshot, now = self._core.snapshot(), self._core.clock()
        group, role = call.arguments["group"], call.arguments["role"]
        if group is not None and group not in snapshot.groups:
            near = difflib.get_close_matches(group.lower(), snapshot.groups, n=3, cutoff=0.3)
            hint = f"; near: {', '.join(near)}" if near else ""
            raise VerbError("unknown-group", f"there is no group {group!r}{hint}")
        return {
            "users": [
                {
                    "login": account.login,
                    "name": account.display_name,
                    "role": account.role,
                    "groups": list(account.groups),
                    "state": _state(account, now),
                }
                for account in snapshot.accounts.values()
                if not account.hidden and (group is None or group in account.groups) and role in (None, account.role)
            ]
        }

    def show(self, call: Call) -> dict[str, Any]:
        core = self._core
        account, snapshot, now = core.account(call.arguments["login"]), core.snapshot(), core.clock()
        person = core.people.all().get(account.uid)
        zone = snapshot.zone
        return {
            "login": account.login,
            "name": account.display_name,
            "address": f"{account.login}@{snapshot.domain}",
            "role": account.role,
            "groups": list(account.groups),
            "state": _state(account, now),
            "uid": account.uid,
            "source_id": person.source_id if person else None,
            "password_changed": shown(account.password_changed_at, zone),
            "open": [
                _openness(snapshot, account, service, now) + self._behind(account, service) for service in Service
            ],
            "consents": [
                f"{given.consent} (text {given.version or 'unnamed'}, {shown(given.given_at, zone)}, by {given.by})"
                for given in core.people.consents().get(account.uid, ())
            ],
            "locks": [
                f"{known.lock.service or 'everything'} until {_until(known.lock, snapshot)}, since "
                f"{shown(known.lock.since, zone)}, by {known.by}: {known.reason}"
                for known in core.locks.standing(now).get(account.uid, ())
            ],
        }

    def lock(self, call: Call) -> dict[str, Any]:
        core, given = self._core, call.arguments
        account, zone, now = core.account(given["login"]), core.settings.school.zone, core.clock()
        until = None if given["until"] is None else end("until", given["until"], zone)
        if until is not None and until <= now:
            raise VerbError("wrong-arguments", f"argument 'until' is {shown(until, zone)}, which has passed")
        if not given["reason"].strip():
            raise VerbError("wrong-arguments", "argument 'reason' is empty; a lock needs one (K18)")
        service = Service(given["service"]) if given["service"] else None
        core.locks.add(account.uid, KnownLock(Lock(service, now, until), given["reason"].strip(), call.by))
        published = core.in_force()
        self._record(Kind.LOCKED, account, service, until, call.by, given["reason"].strip())
        return {
            "login": account.login,
            "service": service,
            "until": until.isoformat() if until else None,
            "published": published,
            **self._at_pcs(account, service),
        }

    def unlock(self, call: Call) -> dict[str, Any]:
        core, name = self._core, call.arguments["service"]
        account, service = core.account(call.arguments["login"]), Service(name) if name else None
        if not core.locks.lift(account.uid, service, core.clock()):
            raise VerbError("not-locked", f"{service or 'the whole account'} is not locked for {account.login}")
        published = core.in_force()
        self._record(Kind.UNLOCKED, account, service, None, call.by, None)
        return {
            "login": account.login,
            "service": service,
            "published": published,
            **self._at_pcs(account, service),
        }

    def consent(self, call: Call) -> dict[str, Any]:
        core, given = self._core, call.arguments
        account, consent = core.account(given["login"]), Consent(given["consent"])
        version = given["version"].strip()
        if given["give"]:
            if not version:
                raise VerbError("wrong-arguments", "argument 'version' is missing: which text was agreed to?")
            core.people.give(account.uid, GivenConsent(consent, version, core.clock(), call.by))
            core.record(Kind.CONSENT_GIVEN, login=account.login, consent=consent, version=version, by=call.by)
        else:
            if not core.people.withdraw(account.uid, consent):
                raise VerbError("no-consent", f"{account.login} has not given consent to {consent}")
            core.record(Kind.CONSENT_WITHDRAWN, login=account.login, consent=consent, version=version, by=call.by)
        return {
            "login": account.login,
            "consent": consent,
            "given": given["give"],
            "published": core.in_force(),
        }

    def _at_pcs(self, account: Account, service: Service | None) -> dict[str, str]:
        """Wait a moment until PCs go by it, too; a ``note`` if they do not."""
        log_on = self._core.log_on
        if service not in (None, Service.PC):
            return {}
        if log_on is None:
            return {"note": _NO_PCS} if service is Service.PC else {}
        return {} if log_on.reached(account.login, _PATIENCE) else {"note": f"PCs do not go by it yet{_NOT_YET}"}

    def _behind(self, account: Account, service: Service) -> str:
        log_on = self._core.log_on
        waits = service is Service.PC and log_on is not None and log_on.behind(account.login)
        return _NOT_YET if waits else ""

    def _record(
        self, kind: Kind, account: Account, service: Service | None, until: datetime | None, by: str, reason: str | None
    ) -> None:
        ends = until.isoformat() if until else None
        self._core.record(kind, login=account.login, service=service, until=ends, by=by, reason=reason)


def _state(account: Account, now: datetime) -> str:
    holding = [lock for lock in account.locks if lock.until is None or lock.until > now]
    if account.disabled:
        return "disabled"
    if any(lock.service is None for lock in holding):
        return "locked"
    if holding:
        return f"locked: {', '.join(sorted({str(lock.service) for lock in holding}))}"
    return "must change password" if account.must_change else "active"


def _openness(snapshot: Snapshot, account: Account, service: Service, now: datetime) -> str:
    answer = decide(snapshot, Request(account.login, service), now)
    if isinstance(answer, Allow):
        return f"{service}: open"
    reason = answer.reason if isinstance(answer, Deny) else "try later"
    return f"{service}: closed ({reason}: {answer.rule.text})"


def _until(lock: Lock, snapshot: Snapshot) -> str:
    return shown(lock.until, snapshot.zone) if lock.until else "further notice"
