"""How the parts of a snapshot are written as JSON values and read again.

May live here: one writer and one reader for each type, side by side. May not: the file as a whole (``snapshot``),
meanings. Sets are sorted, so that equal values give equal text. A reader raises ``KeyError``, ``TypeError``,
``ValueError`` or another of the usual ones when a value is not what the writer gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from appliance.policy.access import AccessRule
from appliance.policy.account import Account, Consent, Lock, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitRule, LimitTable
from appliance.policy.records_mail import read_who, write_who
from appliance.policy.records_schedule import read_schedule, write_schedule
from appliance.policy.values import array, flag, text, whole

_Record = dict[str, Any]
_T = TypeVar("_T")

_ROLES = {str(role): role for role in Role}  # several times faster than Role(text), and there are thousands


def write_account(account: Account) -> _Record:
    """Give an account without its login and without what has its default value."""
    record: _Record = {"uid": account.uid, "role": account.role}
    if account.display_name:
        record["name"] = account.display_name
    if account.groups:
        record["groups"] = account.groups
    if account.must_change:
        record["must_change"] = True
    if account.password_changed_at is not None:
        record["changed"] = account.password_changed_at.isoformat()
    if account.consents:
        record["consents"] = sorted(account.consents)
    if account.locks:
        record["locks"] = [_write_lock(lock) for lock in account.locks]
    if account.disabled:
        record["disabled"] = True
    if account.hidden:
        record["hidden"] = True
    if account.quota:
        record["quota"] = account.quota
    return record


def read_account(login: str, record: Mapping[str, Any]) -> Account:
    """Read the account of ``login``."""
    get = record.get
    changed = get("changed")
    return Account(
        login,
        whole(record["uid"]),
        _ROLES[record["role"]],
        text(get("name", "")),
        tuple(map(text, array(get("groups", [])))),
        flag(get("must_change", False)),
        None if changed is None else datetime.fromisoformat(changed),
        frozenset(map(Consent, array(get("consents", [])))),
        tuple(map(_read_lock, array(get("locks", [])))),
        flag(get("disabled", False)),
        flag(get("hidden", False)),
        whole(get("quota", 0)),
    )


def _write_lock(lock: Lock) -> list[str | None]:
    return [lock.service, lock.since.isoformat(), None if lock.until is None else lock.until.isoformat()]


def _read_lock(record: list[str | None]) -> Lock:
    service, since, until = record
    return Lock(
        None if service is None else Service(service),
        datetime.fromisoformat(text(since)),
        None if until is None else datetime.fromisoformat(until),
    )


def write_rule(rule: AccessRule) -> _Record:
    """Give all of a rule."""
    return {
        "source": rule.source,
        "text": rule.text,
        "services": sorted(rule.services),
        "who": write_who(rule.who),
        "allow": rule.allow,
        "rooms": sorted(rule.rooms),
        "targets": rule.targets,
        "schedule": None if rule.schedule is None else write_schedule(rule.schedule),
    }


def read_rule(record: Mapping[str, Any]) -> AccessRule:
    """Read a rule."""
    schedule = record["schedule"]
    return AccessRule(
        source=text(record["source"]),
        services=frozenset(map(Service, array(record["services"]))),
        who=read_who(record["who"]),
        allow=flag(record["allow"]),
        rooms=frozenset(map(text, array(record["rooms"]))),
        targets=tuple(map(text, array(record["targets"]))),
        schedule=None if schedule is None else read_schedule(schedule),
        text=text(record["text"]),
    )


def write_limits(table: LimitTable) -> _Record:
    """Give all limits, each as upload and download."""
    return {
        "default": [table.default.upload, table.default.download],
        "roles": {role: [limits.upload, limits.download] for role, limits in table.roles.items()},
        "message_overhead": table.message_overhead,
        "rules": [_write_limit(rule) for rule in table.rules],
    }


def read_limits(record: Mapping[str, Any]) -> LimitTable:
    """Read all limits."""
    return LimitTable(
        default=Limits(*map(whole, array(record["default"]))),
        roles={_ROLES[role]: Limits(*map(whole, limits)) for role, limits in record["roles"].items()},
        message_overhead=whole(record["message_overhead"]),
        rules=tuple(map(_read_limit, array(record["rules"]))),
    )


def _write_limit(rule: LimitRule) -> _Record:
    """Give a line about limits without what it does not say."""
    record = {
        "source": rule.source,
        "upload": rule.upload,
        "download": rule.download,
        "service": rule.service,
        "role": rule.role,
        "group": rule.group,
        "login": rule.login,
        "room": rule.room,
        "until": None if rule.until is None else rule.until.isoformat(),
    }
    return {key: value for key, value in record.items() if value is not None}


def _read_limit(record: Mapping[str, Any]) -> LimitRule:
    def maybe(key: str, read: Callable[[Any], _T]) -> _T | None:
        return read(record[key]) if key in record else None

    return LimitRule(
        source=text(record["source"]),
        upload=maybe("upload", whole),
        download=maybe("download", whole),
        service=maybe("service", Service),
        role=maybe("role", Role),
        group=maybe("group", text),
        login=maybe("login", text),
        room=maybe("room", text),
        until=maybe("until", datetime.fromisoformat),
    )
