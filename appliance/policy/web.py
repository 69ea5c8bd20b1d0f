"""What a rule about sites on the web is, and which of several decides on one (K13).

May live here: the rule, whom, where and which sites it covers, the first that matches. May not: whether the web is open
at all (``access``), lessons, the order of all these (``rules``), which category a site is in: the request says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, NamedTuple

from appliance.policy.access import Who
from appliance.policy.account import Account
from appliance.policy.decision import Deny, Reason, Rule, TryLater
from appliance.policy.schedule import Schedule

UNLISTED: Final = "unlisted"
"""The category of a site that is on no list."""
ADDRESS: Final = "address"
"""The category of a bare address of the internet: what is there may be of any other, for lists know names."""
_NOT_LOOKED_UP = Rule("state lists", "the categories of the site are not known now")


class Verdict(StrEnum):
    """What a rule says to a site that it names; ``ONLY`` closes what it does not name, too.

    ``ALWAYS`` is asked before lessons and all other rules, wherever it stands among them.
    """

    ALLOW = "allow"
    BLOCK = "block"
    ONLY = "only"
    ALWAYS = "always"


class Site(NamedTuple):
    """What is asked for and from where.

    ``names`` are the host (lower case, IDNA) and all domains above it, ``categories`` those of the site (``None``: not
    looked up), ``room`` and ``address`` where ``account`` is, as far as that is known.
    """

    account: Account
    names: frozenset[str]
    categories: frozenset[str] | None
    room: str | None = None
    address: IPv4Address | IPv6Address | None = None


@dataclass(frozen=True, slots=True)
class WebRule:
    """One line about sites; the first that is about a site and active decides.

    ``source`` and ``text`` as in :class:`~appliance.policy.access.AccessRule`. It names sites by ``categories`` or by
    ``targets``, domains (lower case, IDNA) with all below them; without both, every site. ``rooms``, ``networks`` and
    ``devices`` (addresses in their one text) are where it counts: in what is not empty, all at once. ``schedule``:
    ``None`` for always.
    """

    source: str
    who: Who
    verdict: Verdict
    categories: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    rooms: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    devices: frozenset[str] = frozenset()
    schedule: Schedule | None = None
    text: str = ""

    def __post_init__(self) -> None:
        if not self.text:
            object.__setattr__(self, "text", _words(self))

    @property
    def rule(self) -> Rule:
        """What a decision shows of it."""
        return Rule(self.source, self.text)

    def miss(self, site: Site) -> str | None:
        """Say why the rule does not decide on ``site``, whatever the time; ``None``: it does."""
        if self.verdict is not Verdict.ONLY and self.about(site) is False:
            return "is about other sites"
        if not self.who.covers(site.account):
            return "is about other people"
        if self.rooms and site.room not in self.rooms:
            return "is about another room"
        if self.networks and not any(site.address in network for network in self.networks if site.address):
            return "is about other networks"
        if self.devices and str(site.address) not in self.devices:
            return "is about other devices"
        return None

    def about(self, site: Site) -> bool | None:
        """Whether it names ``site``; ``None``: its categories are asked for, and nobody has looked them up.

        A rule that blocks some category blocks bare addresses.
        """
        if not self.targets.isdisjoint(site.names):
            return True
        if not self.categories:
            return not self.targets
        if site.categories is None:
            return None
        if self.verdict is Verdict.BLOCK and ADDRESS in site.categories:
            return True
        return not self.categories.isdisjoint(site.categories)


_Found = Rule | Deny | TryLater | None


def first_match(
    rules: Iterable[WebRule], site: Site, now: datetime, note: Callable[..., None]
) -> tuple[_Found, datetime | None]:
    """Give what the first of ``rules`` about ``site`` says: what opens it, a refusal, or nothing; and until when.

    The instant (UTC) is the next at which the answer may be another; the answer itself bears none. ``note`` is told of
    each rule, as a text with values for its ``%s``.
    """
    edges = []
    found: _Found = None
    for rule in rules:
        miss = rule.miss(site)
        if miss is not None:
            note("%s %s", rule.source, miss)
            continue
        if rule.schedule is not None:
            edges.append(rule.schedule.next_change(now))
            if not rule.schedule.active(now):
                note("%s is about another time", rule.source)
                continue
        found = _said(rule, site)
        note("%s decides: %s", rule.source, rule.text)
        break
    return found, min((edge for edge in edges if edge is not None), default=None)


def _said(rule: WebRule, site: Site) -> _Found:
    about = rule.about(site)
    if about is None:
        return TryLater(_NOT_LOOKED_UP)
    if about and rule.verdict is not Verdict.BLOCK:
        return rule.rule
    hit = rule.categories & (site.categories or frozenset()) if about else frozenset()
    if hit:
        return Deny(Reason.CLOSED_CATEGORY, Rule(rule.source, f"the site is in {_listed(hit)}: {rule.text}"))
    if about and rule.categories and rule.targets.isdisjoint(site.names):
        return Deny(Reason.CLOSED_CATEGORY, Rule(rule.source, f"a name is asked for, no address: {rule.text}"))
    narrow = rule.verdict is Verdict.ONLY or rule.targets
    return Deny(Reason.CLOSED_SITE if narrow else Reason.NOT_OPEN, rule.rule)


def _words(rule: WebRule) -> str:
    sites = _listed(rule.categories | rule.targets) or "every site"
    said = {Verdict.ONLY: "only allow", Verdict.ALWAYS: "always allow"}.get(rule.verdict, rule.verdict)
    parts = [f"{said} {sites} for {rule.who}"]
    if rule.rooms:
        parts.append(f"in {_listed(rule.rooms)}")
    if rule.networks:
        parts.append(f"from {', '.join(map(str, rule.networks))}")
    if rule.devices:
        parts.append(f"on {len(rule.devices)} named device(s)")
    if rule.schedule is not None:
        parts.append(str(rule.schedule))
    return "; ".join(parts)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
