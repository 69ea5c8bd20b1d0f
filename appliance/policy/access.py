"""What a rule of access is, and whether it is about a request.

May live here: the rule, whom and what it covers. May not: the order of rules, the time (``schedule``), the answer
(``rules``).
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.policy.account import Account, Role, Service
from appliance.policy.decision import Rule
from appliance.policy.request import Action, Request
from appliance.policy.schedule import Schedule
from appliance.policy.targets import is_below


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a rule covers: everyone, or whoever has one of the roles or logins or is in one of the groups."""

    everyone: bool = False
    roles: frozenset[Role] = frozenset()
    groups: frozenset[str] = frozenset()
    logins: frozenset[str] = frozenset()

    def covers(self, account: Account) -> bool:
        """Whether ``account`` is among them."""
        return (
            self.everyone
            or account.role in self.roles
            or account.login in self.logins
            or not self.groups.isdisjoint(account.groups)
        )

    def __str__(self) -> str:
        """Give them in words, without the name of a person."""
        if self.everyone:
            return "everyone"
        named = [f"{len(self.logins)} named account(s)"] if self.logins else []
        return ", ".join([*sorted(self.roles), *sorted(self.groups), *named]) or "nobody"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One line of the school's rules; the first that is about a request and active decides (K19).

    ``source`` is where it is written (``access.yaml:31 rules[2]``), ``text`` what it says without naming a person (made
    from the rest when empty). ``services``: those it is about. ``rooms``: names of rooms, empty for anywhere.
    ``targets``: domains (lower case, IDNA) it is about with all below them, empty for any; a rule with targets is about
    the web only. ``schedule``: ``None`` for always. ``allow``: whether it opens or closes.
    """

    source: str
    services: frozenset[Service]
    who: Who
    allow: bool
    rooms: frozenset[str] = frozenset()
    targets: tuple[str, ...] = ()
    schedule: Schedule | None = None
    text: str = ""

    def __post_init__(self) -> None:
        if not self.text:
            object.__setattr__(self, "text", _words(self))

    @property
    def rule(self) -> Rule:
        """What a decision shows of it."""
        return Rule(self.source, self.text)

    def miss(self, account: Account, request: Request, room: str | None, host: str | None) -> str | None:
        """Say why the rule is not about ``request``, whatever the time; ``None``: it is.

        A sign-in has no target: a rule that opens some target opens it, one that closes some does not close it.
        """
        if request.service not in self.services:
            return "is about another service"
        if not self.who.covers(account):
            return "is about other people"
        if self.rooms and room not in self.rooms:
            return "is about another room"
        if self.targets and not self._about(request, host):
            return "is about other targets"
        return None

    def _about(self, request: Request, host: str | None) -> bool:
        if request.service is not Service.WEB:
            return False
        if request.action is Action.SIGN_IN:
            return self.allow
        return host is not None and is_below(host, self.targets)


def _words(rule: AccessRule) -> str:
    parts = [f"{'allow' if rule.allow else 'deny'} {', '.join(sorted(rule.services)) or 'nothing'} for {rule.who}"]
    if rule.rooms:
        parts.append(f"in {', '.join(sorted(rule.rooms))}")
    if rule.targets:
        parts.append(f"to {', '.join(rule.targets)}")
    if rule.schedule is not None:
        parts.append(str(rule.schedule))
    return "; ".join(parts)
