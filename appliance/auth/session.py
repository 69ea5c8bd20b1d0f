"""From a login and a password to one of five answers: the password first, then the policy.

May live here: what both outcomes mean together. May not: sockets, threads, LDAP, the rules themselves. Nothing is said
about an account's state before its password was right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from appliance.auth.checking import Checker
from appliance.auth.credentials import canonical
from appliance.auth.replies import Answer, Verdict
from appliance.auth.throttle import Wait
from appliance.daemon.secret import Secret
from appliance.directory.records import Checked
from appliance.policy.account import Account, Service
from appliance.policy.decision import Allow, Deny, Reason, Rule
from appliance.policy.events import Event, Kind
from appliance.policy.request import Request
from appliance.policy.rules import decide
from appliance.policy.snapshot import Snapshot


class Journal(Protocol):
    """Where events go: the client side of the audit process, which never waits."""

    def record(self, event: Event) -> None:
        """Hand an event over."""
        ...

    def refuse(self, service: Service, reason: Reason, rule: Rule) -> str:
        """Record a refusal and return its short code."""
        ...


class SignIn:
    """Answers sign-ins. ``snapshot`` gives the newest snapshot each time it is called."""

    def __init__(self, snapshot: Callable[[], Snapshot | None], checker: Checker, journal: Journal) -> None:
        self._snapshot = snapshot
        self._checker = checker
        self._journal = journal

    async def verify(self, service: Service, login: str, password: Secret, address: str | None) -> Verdict:
        """Answer one sign-in from ``address`` (an IP as text); raises ``ValueError`` for an address that is none."""
        snapshot = self._snapshot()
        if snapshot is None:
            return Verdict(Answer.TRY_LATER, login)
        name = canonical(login, snapshot.domain)
        checked = await self._checker.check(name, password, address)
        if isinstance(checked, Wait):
            verdict = Verdict(Answer.TRY_LATER, login, retry_after=checked.seconds)
        elif checked is Checked.WRONG:
            verdict = Verdict(Answer.REFUSED, login)
        else:
            verdict = self._decided(service, name, address, checked)
        # Who mistypes the login often types the password there: what is no login is not written down.
        known = name if name in snapshot.accounts else ""
        fields = {"service": service.value, "login": known, "address": address, "outcome": verdict.answer.value}
        self._journal.record(Event(Kind.SIGN_IN, datetime.now(UTC), fields))
        return verdict

    def _decided(self, service: Service, name: str, address: str | None, checked: Checked) -> Verdict:
        """Ask the policy as it stands now: what was published while the password was checked counts.

        Either of directory and snapshot may be the first to know that the password must be changed.
        """
        snapshot = self._snapshot()
        account = None if snapshot is None else snapshot.accounts.get(name)
        if snapshot is None or account is None:
            return Verdict(Answer.TRY_LATER if snapshot is None else Answer.REFUSED, name)
        if checked is Checked.MUST_CHANGE:
            pending = replace(account, must_change=True)
            snapshot = replace(snapshot, accounts={**snapshot.accounts, name: pending})
        return decided(snapshot, self._journal, service, account, address)


def decided(snapshot: Snapshot, journal: Journal, service: Service, account: Account, address: str | None) -> Verdict:
    """Ask the policy about ``account``, which is proved; a refusal is recorded."""
    name = account.login
    decision = decide(snapshot, Request(name, service, address=address), datetime.now(UTC))
    verdict = Verdict(Answer.TRY_LATER, name, account.uid, account.role, valid_until=decision.valid_until)
    if isinstance(decision, Allow):
        return replace(verdict, answer=Answer.VERIFIED)
    if isinstance(decision, Deny):
        answer = Answer.MUST_CHANGE if decision.reason is Reason.MUST_CHANGE else Answer.DENIED
        code = journal.refuse(service, decision.reason, decision.rule)
        return replace(verdict, answer=answer, reason=decision.reason, code=code)
    return verdict
