"""Verbs about the limit of transfers (K12): what applies to whom, and exemptions agreed with an administrator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.daemon.options_numbers import size
from appliance.policy.account import Account, Group, Service
from appliance.policy.decision import Limits
from appliance.policy.events import Kind
from appliance.policy.limits import LimitRule, limits_for
from appliance.supervisor.core import Core
from appliance.supervisor.limits import Exemption
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional
from appliance.supervisor.when import end, shown


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    limits = _LimitVerbs(core)
    target = Argument()
    return {
        "limits.allow": Verb(
            limits.allow, {"target": target, "size": Argument(), "until": Argument(), "reason": Argument()}
        ),
        "limits.revoke": Verb(limits.revoke, {"target": target}),
        "limits.show": Verb(limits.show, {"target": optional(), "room": optional()}),
    }


def bytes_of(text: str, smallest: int = 1) -> int:
    """Read a size with its unit, such as ``500 MB``; raises :class:`VerbError` that names the argument ``size``."""
    kind = size(smallest)
    try:
        return kind.parse(text.strip())
    except ValueError as problem:
        near = f"; did you mean {problem}?" if str(problem) else ""
        raise VerbError(
            "wrong-arguments", f"argument 'size' is {text[:40]!r}; it must be {kind.allowed}{near}"
        ) from None


def reason_of(given: Mapping[str, Any], clause: str) -> str:
    """Give the argument ``reason``; raises :class:`VerbError` for an empty one."""
    reason = str(given["reason"]).strip()
    if not reason:
        raise VerbError("wrong-arguments", f"argument 'reason' is empty; it is needed ({clause})")
    return reason


def unlimited_over(core: Core, service: Service) -> str | None:
    """Give the way by which ``service`` cannot keep a limit of downloads: SMB, where this server speaks it."""
    return "SMB" if service is Service.FILES and core.health.installed("smb") else None


@dataclass(frozen=True, slots=True)
class _Target:
    """An account or a group."""

    account: Account | None = None
    group: Group | None = None

    @property
    def ids(self) -> tuple[int | None, int | None]:
        """The uid or the gid."""
        return (self.account.uid if self.account else None), (self.group.gid if self.group else None)

    @property
    def fields(self) -> dict[str, str]:
        """As an answer and an event have it."""
        return {"login": self.account.login} if self.account else {"group": self.group.name if self.group else ""}


class _LimitVerbs:
    def __init__(self, core: Core) -> None:
        self._core = core

    def allow(self, call: Call) -> dict[str, Any]:
        core, given = self._core, call.arguments
        target, zone, now = self._target(given["target"]), core.settings.school.zone, core.clock()
        amount, reason, until = bytes_of(given["size"]), reason_of(given, "K12"), end("until", given["until"], zone)
        if until <= now:
            raise VerbError("wrong-arguments", f"argument 'until' is {shown(until, zone)}, which has passed")
        core.exemptions.add(Exemption(*target.ids, amount, now, until, reason, call.by))
        published = core.in_force()
        core.record(
            Kind.LIMIT_ALLOWED, **target.fields, size=amount, until=until.isoformat(), by=call.by, reason=reason
        )
        return {**target.fields, "size": amount, "until": until.isoformat(), "published": published}

    def revoke(self, call: Call) -> dict[str, Any]:
        core = self._core
        target = self._target(call.arguments["target"])
        if not core.exemptions.revoke(*target.ids, core.clock()):
            raise VerbError("no-exemption", f"{' '.join(target.fields.values())} has no exemption")
        published = core.in_force()
        core.record(Kind.LIMIT_REVOKED, **target.fields, by=call.by)
        return {**target.fields, "published": published}

    def show(self, call: Call) -> dict[str, Any]:
        """All lines, or with a target those that are about it; for an account also what follows for each service."""
        core, name, room = self._core, call.arguments["target"], call.arguments["room"]
        snapshot, now = core.snapshot(), core.clock()
        table = snapshot.limits
        if room is not None and room not in snapshot.rooms:
            raise VerbError("wrong-arguments", f"argument 'room' is {room!r}; there is no such room in network.yaml")
        target = None if name is None else self._target(name)
        lines = [_line("everyone", table.default, "access.yaml limits.default")]
        lines += [_line(role, limits, f"access.yaml limits.roles.{role}") for role, limits in table.roles.items()]
        lines += [_line(_whom(rule), rule, rule.source) for rule in table.rules if rule.until is None]
        answer: dict[str, Any] = {"exemptions": self._exemptions(target)}
        if target is None or target.account is None:
            return {**answer, "limits": lines}
        account, rooms = target.account, () if room is None else (room,)
        grants = {service: limits_for(table, account, service, rooms, now) for service in Service if service.transfers}
        return {
            **answer,
            "login": account.login,
            "services": [
                {
                    "service": service,
                    "upload": grant.limits.upload,
                    "download": grant.limits.download,
                    "download_unlimited_over": unlimited_over(core, service),
                    "upload_source": grant.upload.source,
                    "download_source": grant.download.source,
                    "valid_until": grant.valid_until.isoformat() if grant.valid_until else None,
                }
                for service, grant in grants.items()
            ],
        }

    def _target(self, name: str) -> _Target:
        group = self._core.snapshot().groups.get(name.strip().lower())
        return _Target(group=group) if group is not None else _Target(account=self._core.account(name))

    def _exemptions(self, target: _Target | None) -> list[dict[str, Any]]:
        snapshot = self._core.snapshot()
        logins = {account.uid: account.login for account in snapshot.accounts.values()}
        groups = {group.gid: group.name for group in snapshot.groups.values()}
        account = target.account if target else None
        ours = None if account is None else {snapshot.groups[name].gid for name in account.groups}
        found = []
        for known in self._core.exemptions.standing(self._core.clock()):
            about = target is None or (known.uid, known.gid) == target.ids or (ours is not None and known.gid in ours)
            login = None if known.uid is None else logins.get(known.uid)
            group = None if known.gid is None else groups.get(known.gid)
            if about and (login or group):
                found.append(
                    {
                        "login": login,
                        "group": group,
                        "size": known.size,
                        "until": shown(known.until, snapshot.zone),
                        "since": shown(known.since, snapshot.zone),
                        "by": known.by,
                        "reason": known.reason,
                    }
                )
        return found


def _line(whom: str, limits: Limits | LimitRule, source: str) -> dict[str, Any]:
    return {"whom": whom, "upload": limits.upload, "download": limits.download, "source": source}


def _whom(rule: LimitRule) -> str:
    room = f"in room {rule.room}" if rule.room else None
    parts = (rule.login, rule.group, rule.role, f"in {rule.service}" if rule.service else None, room)
    return " ".join(str(part) for part in parts if part)
