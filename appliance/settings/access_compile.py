"""From ``access.yaml`` as written to what the policy decides with; every rule carries the line it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from appliance.daemon.options_reading import Source
from appliance.policy.access import AccessRule, Who
from appliance.policy.account import Consent, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitRule, LimitTable
from appliance.settings.access import AccessFile, LimitEntries, RuleEntry
from appliance.settings.rule_words import EVERYONE
from appliance.settings.school import School


@dataclass(frozen=True, slots=True)
class Access:
    """Rules in the order in which they are asked, modules last; limits in bytes."""

    rules: tuple[AccessRule, ...]
    consents_required: Mapping[Service, frozenset[Consent]]
    limits: LimitTable


def compile_access(
    written: AccessFile, school: School, message_overhead: int, source: Callable[[str], Source]
) -> Access:
    """Make the policy's rules.

    ``source`` gives the place of a path such as ``access.rules[2]``, ``message_overhead`` is what a mail may weigh
    beyond its attachment, in bytes.
    """
    rules = [_rule(entry, school, source(f"access.rules[{n}]")) for n, entry in enumerate(written.rules)]
    for service, opened in written.modules.items():
        rules.extend(_module(service, opened, source(f"access.modules.{service}")))
    consents = {service: frozenset(needed) for service, needed in written.consents.items()}
    return Access(tuple(rules), consents, _limits(written, message_overhead, source))


def _rule(entry: RuleEntry, school: School, source: Source) -> AccessRule:
    return AccessRule(
        source=str(source),
        services=frozenset(entry.allow or entry.deny or ()),
        who=entry.who,
        allow=entry.allow is not None,
        rooms=frozenset(entry.rooms),
        targets=entry.targets,
        schedule=entry.schedule(school),
    )


def _module(service: Service, opened: str | tuple[Role, ...], source: Source) -> list[AccessRule]:
    """Give the rules of a module: who may, then a closing one, so that a refusal names this line."""
    services = frozenset({service})
    if opened == "all":
        return [AccessRule(str(source), services, EVERYONE, allow=True)]
    closed = AccessRule(str(source), services, EVERYONE, allow=False)
    if isinstance(opened, str):
        return [closed]
    return [AccessRule(str(source), services, Who(roles=frozenset(opened)), allow=True), closed]


def _limits(written: AccessFile, message_overhead: int, source: Callable[[str], Source]) -> LimitTable:
    usual = Limits(written.limits.upload, written.limits.download)
    roles = {
        role: Limits(entry.upload or usual.upload, entry.download or usual.download)
        for role, entry in written.limits.roles.items()
    }
    return LimitTable(usual, roles, message_overhead, tuple(_limit_rules(written.limits, source)))


def _limit_rules(limits: LimitEntries, source: Callable[[str], Source]) -> Iterator[LimitRule]:
    """Give the lines beyond those of roles; the source of one about an account has its line but no login."""

    def place(path: str) -> str:
        return str(source(f"access.limits.{path}"))

    for service, own in limits.services.items():
        yield LimitRule(place(f"services.{service}"), own.upload, own.download, service=service)
        for role, entry in own.roles.items():
            at = place(f"services.{service}.roles.{role}")
            yield LimitRule(at, entry.upload, entry.download, service=service, role=role)
    for group, entry in limits.groups.items():
        yield LimitRule(place(f"groups.{group}"), entry.upload, entry.download, group=group)
    for login, entry in limits.users.items():
        at = str(replace(source(f"access.limits.users.{login}"), key="limits.users"))
        yield LimitRule(at, entry.upload, entry.download, login=login)
    for room, entry in limits.rooms.items():
        yield LimitRule(place(f"rooms.{room}"), entry.upload, entry.download, room=room)
