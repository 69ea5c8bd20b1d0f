"""Who gets which part of the policy: each service only what it decides on.

May live here: what an audience needs, and the cut. May not: files, publication. Deciding with the part gives the same
answer as deciding with the whole, for every service of that audience (a test says so).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from appliance.policy.account import Account, Service
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.mailing import MailRules
from appliance.policy.snapshot import Snapshot
from appliance.policy.web_rules import WebRules


@dataclass(frozen=True, slots=True)
class Needs:
    """What an audience decides on: its ``services``, people's ``names``, ``ids``, ``quotas``, all groups and consents.

    Without the last two it still gets a membership that one of its rules or limits asks for and a consent that its
    services need. ``mail``: the rules of mail; ``owners``: whose device is at which address; ``sites``: which sites are
    open to whom, and for whom search is made safe.
    """

    services: frozenset[Service]
    names: bool = False
    ids: bool = False
    quotas: bool = False
    groups: bool = False
    consents: bool = False
    mail: bool = False
    owners: bool = False
    sites: bool = False


_ALL = frozenset(Service)
_ASKED = _ALL - {Service.PC}
"""The services that sign people in through auth; a PC asks the directory, where the supervisor writes who may."""

AUDIENCES: Mapping[str, Needs] = MappingProxyType(
    {
        "supervisor": Needs(
            _ALL,
            names=True,
            ids=True,
            quotas=True,
            groups=True,
            consents=True,
            mail=True,
            owners=True,
            sites=True,
        ),
        # names: a password must not contain them (K02); quotas: IMAP engines ask auth how much a mailbox may hold
        "auth": Needs(_ASKED, names=True, ids=True, quotas=True),
        # names: those of senders are the roster's (K09); ids: rows of the ledger of space; groups have addresses
        "mail": Needs(frozenset({Service.MAIL}), names=True, ids=True, quotas=True, groups=True, mail=True),
        "files": Needs(frozenset({Service.FILES}), ids=True, quotas=True, groups=True),
        # owners: a phone on the WLAN comes with its address and nothing else (K20)
        "web": Needs(frozenset({Service.WEB}), owners=True, sites=True),
    }
)


def for_audience(snapshot: Snapshot, audience: str, before: tuple[Snapshot, Snapshot] | None = None) -> Snapshot:
    """Give the part of the whole ``snapshot`` that ``audience`` may know; ``KeyError`` for one not in AUDIENCES.

    ``before`` is an earlier whole and this audience's part of it: of an account that is the same object as then, the
    part is the same one too.
    """
    needs = AUDIENCES[audience]
    rules = tuple(
        replace(rule, services=rule.services & needs.services)
        for rule in snapshot.rules
        if not rule.services.isdisjoint(needs.services)
    )
    required = {service: asked for service, asked in snapshot.consents_required.items() if service in needs.services}
    limits = tuple(rule for rule in snapshot.limits.rules if rule.service is None or rule.service in needs.services)
    web, search = (snapshot.web, snapshot.safe_search) if needs.sites else (WebRules(), ())
    lessons = _lessons(snapshot.lessons, needs.services)
    named = {rule.group for rule in limits} | {lesson.group for lesson in lessons}
    whos = tuple(rule.who for those in (rules, web, search) for rule in those)
    asked_for = frozenset(group for group in named if group is not None).union(*(who.groups for who in whos))
    consents = frozenset(consent for asked in required.values() for consent in asked)

    def part(account: Account) -> Account:
        return replace(
            account,
            uid=account.uid if needs.ids else 0,
            display_name=account.display_name if needs.names else "",
            groups=account.groups if needs.groups else tuple(name for name in account.groups if name in asked_for),
            consents=account.consents if needs.consents else account.consents & consents,
            locks=tuple(lock for lock in account.locks if lock.service is None or lock.service in needs.services),
            quota=account.quota if needs.quotas else 0,
        )

    earlier: Mapping[str, Account] = {}
    parts: Mapping[str, Account] = {}
    if before is not None and _asks_the_same(before[0], snapshot):
        earlier, parts = before[0].accounts, before[1].accounts
    return replace(
        snapshot,
        audience=audience,
        accounts={
            login: parts[login] if earlier.get(login) is account else part(account)
            for login, account in snapshot.accounts.items()
        },
        groups=snapshot.groups if needs.groups else {},
        rules=rules,
        consents_required=required,
        limits=replace(snapshot.limits, rules=limits),
        mail=snapshot.mail if needs.mail else MailRules(),
        owners=snapshot.owners if needs.owners else {},
        web=web,
        lessons=lessons,
        safe_search=search,
    )


def _lessons(lessons: tuple[Lesson, ...], services: frozenset[Service]) -> tuple[Lesson, ...]:
    """Give what is set for lessons: without the web, that there is an exam and whose."""
    if Service.WEB in services:
        return lessons
    return tuple(replace(lesson, room=None, targets=()) for lesson in lessons if lesson.measure is Measure.EXAM)


def _asks_the_same(one: Snapshot, other: Snapshot) -> bool:
    """Whether an audience needs the same of an account in both."""
    mine, others = (
        (
            *(each.rules, each.web, each.safe_search, each.consents_required, each.limits),
            {(lesson.measure, lesson.group) for lesson in each.lessons},
        )
        for each in (one, other)
    )
    return mine == others
