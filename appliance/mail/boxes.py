"""Whose mailbox has room for a message (K11), what is delivered where then, and what its sender is told of it.

May live here: which boxes are full, and what of that matters. May not: whom an address means (``policy.reach``), the
text of a report (``reports``), replies, the disk. Pure: snapshot and counts in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from appliance.mail.named import Recipient, Recipients
from appliance.mail.party import Delivery
from appliance.mail.reports import Outcome
from appliance.mail.reports_text import Action
from appliance.policy.decision import Reason, Rule
from appliance.policy.mailboxes import takes_mail
from appliance.policy.quota import over_quota
from appliance.policy.reach import Refused
from appliance.policy.snapshot import Snapshot

_CLOSED = Rule("state accounts", "the account was closed or removed while the message came")
_STATUS = {Reason.NOT_OPEN: "5.2.1"}


class Boxes:
    """The mailboxes by ``snapshot``, of which ``used`` gives the bytes that an account has, for ``size`` bytes more."""

    def __init__(self, snapshot: Snapshot, used: Callable[[int], int], size: int) -> None:
        self._snapshot = snapshot
        self._used = used
        self._size = size
        self._known: dict[str, Refused | None] = {}

    def refused(self, recipients: Iterable[Recipient]) -> Refused | None:
        """Say why the message cannot go to ``recipients``; a group takes it while one of its boxes has room.

        The reason is OVER_QUOTA, or TOO_LARGE where the message is larger than all that the mailbox may ever have, or
        NOT_OPEN where it has taken no mail since it was named.
        """
        for recipient in recipients:
            found = []
            for login in recipient.reached.logins:
                shut = self._shut(login)
                if shut is None:  # nobody else has to be looked at
                    break
                found.append(shut)
            else:
                if found:
                    return next((shut for shut in found if shut.reason is Reason.OVER_QUOTA), found[0])
        return None

    def delivery(self, recipients: Recipients) -> Delivery:
        """Give what goes where, without reports; each mailbox gets the message once, those without room do not."""
        logins = tuple(login for login in recipients.logins if self._shut(login) is None)
        return Delivery(logins, tuple(recipients.outside.values()))

    def outcomes(self, recipients: Recipients) -> tuple[Outcome, ...]:
        """Give what the sender is to be told: whose box in a group was full, and what he asked to be told (RFC 3461).

        What becomes of mail to the outside is told later, by who hands it over.
        """
        full = {login: shut for login in recipients.logins if (shut := self._shut(login)) is not None}
        outcomes = (one for recipient in recipients.named for one in self._outcomes(recipient, full))
        return tuple({one.address: one for one in outcomes}.values())

    def _outcomes(self, recipient: Recipient, full: Mapping[str, Refused]) -> Iterator[Outcome]:
        asked, reached = recipient.asked, recipient.reached
        if reached.outside is not None:
            return
        if full and reached.group and not reached.role and (not asked.notify or "FAILURE" in asked.notify):
            for login in filter(full.__contains__, reached.logins):
                address, status = f"{login}@{self._snapshot.domain}", _STATUS.get(full[login].reason, "5.2.2")
                yield Outcome(address=address, action=Action.FAILED, status=status, original=asked.orcpt)
        if "SUCCESS" in asked.notify:
            delivered = Action.DELIVERED
            yield Outcome(address=recipient.address, action=delivered, status="2.1.5", original=asked.orcpt)

    def _shut(self, login: str) -> Refused | None:
        """Say why the mailbox of ``login`` does not take the message."""
        if login not in self._known:
            self._known[login] = self._judged(login)
        return self._known[login]

    def _judged(self, login: str) -> Refused | None:
        account = self._snapshot.accounts.get(login)
        if account is None or not takes_mail(self._snapshot, account):
            return Refused(Reason.NOT_OPEN, _CLOSED)
        rule = over_quota(account, self._used(account.uid), self._size)
        if rule is None:
            return None
        return Refused(Reason.TOO_LARGE if self._size > account.quota else Reason.OVER_QUOTA, rule)
