"""``mail.yaml``: ``rules``: who may write what to whom, and to how many (K08, K09); and what the policy makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from appliance.daemon.options import Kind, Option, option
from appliance.daemon.options_collections import ListOf, MappingOf
from appliance.daemon.options_numbers import format_size, integer, size
from appliance.daemon.options_reading import WRONG, Reading
from appliance.daemon.options_table import Table, table
from appliance.daemon.options_values import choice, text
from appliance.policy.access import Who
from appliance.policy.account import GroupKind, Role
from appliance.policy.mailing import MailRules, RoleRules
from appliance.settings.mail_outside import OutsideMail

T = TypeVar("T")

_NAME = r"[a-z0-9][a-z0-9._-]{0,62}"
_KINDS = ListOf(choice(GroupKind))
_COUNT = integer(1, 100_000)
_BYTES = size(10**6, 10**15)
_USUAL = MailRules()
_WORDS = {
    Role.PUPIL: "Pupils.",
    Role.TEACHER: "Teachers.",
    Role.STAFF: "The staff.",
    Role.OFFICE: "The office.",
    Role.ADMIN: "Administrators.",
}


def _by_role(**values: T) -> Mapping[Role, T]:
    return MappingProxyType({Role(name): value for name, value in values.items()})


def _roles(
    kind: Kind[T], usual: Callable[[RoleRules], object], example: object, unit: str = ""
) -> Kind[Mapping[Role, T]]:
    """Give a table with a row for each role, whose default is the ``usual`` one of the policy."""
    rows = tuple(Option(role, kind, usual(_USUAL.roles[role]), words, unit, example) for role, words in _WORDS.items())
    return Table(rows, _by_role)


@dataclass(frozen=True, slots=True)
class RoleAddress:
    """Who gets mail to a role address: whoever has one of the roles, is in one of the groups or is named."""

    roles: tuple[Role, ...] = option(ListOf(choice(Role)), [], "All with these roles.", example=["office"])
    groups: tuple[str, ...] = option(
        ListOf(text(_NAME, "a group's name in lower case")), [], "All in these groups.", example=["schulleitung"]
    )
    users: tuple[str, ...] = option(
        ListOf(text(_NAME, "a login in lower case")), [], "These accounts.", example=["olga.amt"]
    )


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """The rules as written; recipients are counted after groups are expanded."""

    any_group: Mapping[Role, tuple[GroupKind, ...]] = option(
        _roles(_KINDS, lambda rules: sorted(kind.value for kind in rules.any_groups), ["club"]),
        {},
        "Kinds of groups (class, course, club, staff) that each role may write to, a member or not.",
    )
    own_group: Mapping[Role, tuple[GroupKind, ...]] = option(
        _roles(_KINDS, lambda rules: sorted(kind.value for kind in rules.own_groups), ["class", "club"]),
        {},
        "Kinds of groups that each role may write to as a member.",
    )
    speak_for_groups: tuple[Role, ...] = option(
        ListOf(choice(Role)),
        [role.value for role in Role if _USUAL.roles[role].speaks],
        "Roles that may write as a group of which they are members (From: klasse3a@...).",
        example=["teacher"],
    )
    recipients_per_message: Mapping[Role, int] = option(
        _roles(_COUNT, lambda rules: rules.per_message, 60, "people"),
        {},
        "People that one message may go to, groups expanded.",
    )
    recipients_per_hour: Mapping[Role, int] = option(
        _roles(_COUNT, lambda rules: rules.per_hour, 200, "people"),
        {},
        "People that somebody may write to within an hour; as many at least as with one message.",
    )
    bytes_per_hour: Mapping[Role, int] = option(
        _roles(_BYTES, lambda rules: format_size(rules.bytes_per_hour), "2 GB"),
        {},
        "How much somebody may write within an hour, a message counted for each mailbox and address that it goes to.",
    )
    addresses: Mapping[str, RoleAddress] = option(
        MappingOf(text(_NAME, "the part before the @, in lower case"), table(RoleAddress)),
        {},
        "Addresses of an office instead of a person, and who gets their mail; postmaster is the administrators unless "
        "it is here.",
        example={"sekretariat": {"roles": ["office"]}, "schulleitung": {"users": ["anna.lehmann"]}},
    )


def compile_mail(rules: RuleSettings, outside: OutsideMail) -> MailRules:
    """Make the policy's rules of mail."""
    return MailRules(
        roles={
            role: RoleRules(
                any_groups=frozenset(rules.any_group[role]),
                own_groups=frozenset(rules.own_group[role]),
                speaks=role in rules.speak_for_groups,
                per_message=rules.recipients_per_message[role],
                per_hour=rules.recipients_per_hour[role],
                bytes_per_hour=rules.bytes_per_hour[role],
            )
            for role in Role
        },
        addresses={
            local: Who(False, frozenset(who.roles), frozenset(who.groups), frozenset(who.users))
            for local, who in rules.addresses.items()
        },
        sends_outside=frozenset(outside.send),
        receives_outside=frozenset(outside.receive),
    )


def _hours(reading: Reading) -> None:
    """A message that an hour never has room for would be put off for ever."""
    rules = reading.values.get("mail.rules", WRONG)
    if not isinstance(rules, RuleSettings):
        return
    for role, most in rules.recipients_per_hour.items():
        least = rules.recipients_per_message[role]
        if most < least:
            place = reading.sources.get(f"mail.rules.recipients_per_hour.{role}", reading.sources["mail.rules"])
            reading.report(place, str(most), f"at least {least}, as recipients_per_message of {role} is")


def _addresses(reading: Reading) -> None:
    rules = reading.values.get("mail.rules", WRONG)
    if not isinstance(rules, RuleSettings):
        return
    for local, who in rules.addresses.items():
        if not (who.roles or who.groups or who.users):
            reading.report(
                reading.sources[f"mail.rules.addresses.{local}"], "nobody", "some of roles, groups and users"
            )


RULE_CHECKS: tuple[Callable[[Reading], None], ...] = (_hours, _addresses)
