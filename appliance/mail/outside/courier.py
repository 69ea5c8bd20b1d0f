"""One attempt for one message of the spool: sign it, hand it on, tell its sender, write down how far it is.

May live here: the order of these steps. May not: which message is tried when (``runner``), SMTP (``smarthost``), the
rule what follows (``attempts``). Everything here blocks. A report is in the mailbox before a recipient is struck off,
so that a crash in between may tell twice, under the same Message-ID, and never not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import smtplib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from appliance.daemon.smtp_client import cut, opened
from appliance.daemon.smtp_way import Broken, CannotSend, Way
from appliance.mail.head import HEAD_LIMIT, end_of_head
from appliance.mail.outside.attempts import Answer, Handed, Patience, Standing, Step, after, given_up
from appliance.mail.outside.dkim_key import NoSignature, SigningKey
from appliance.mail.outside.smarthost import Closed, Message, Order, hand_on
from appliance.mail.outside.spool import Item, Spool
from appliance.mail.reports import Outcome, Report
from appliance.mail.reports_text import Action

_log = logging.getLogger(__name__)
_BROKEN, _UNSIGNED = "4.4.2", "4.3.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way out, as the settings have it now: ``way()`` reads it and raises :class:`CannotSend`."""

    domain: str
    patience: Patience
    way: Callable[[], Way]
    key: SigningKey | None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt: the ``standing`` (``None``: done with), the addresses it is done with, either way.

    ``tried``: whether the way out was used; ``problem`` is what stood in it as a whole, for the carer, and ``broken``
    says that it will not go away by itself.
    """

    standing: Standing | None
    taken: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    problem: str | None = None
    tried: bool = False
    broken: bool = False


class Courier:
    """Works on the messages of ``spool``; ``post(login, report)`` puts a report into a mailbox for good."""

    def __init__(self, spool: Spool, post: Callable[[str, Report], None], now: Callable[[], datetime]) -> None:
        self._spool = spool
        self._post = post
        self._now = now
        self._guard = threading.Lock()
        self._clients: dict[smtplib.SMTP, str] = {}

    def attempt(self, item: Item, standing: Standing, route: Route, may: Callable[[], bool]) -> Result:
        """Try to hand on a message to all who are left; ``may()`` is asked once more before its bytes are sent.

        Raise ``OSError`` or ``StoreFailed``: then nothing was struck off.
        """
        answers: dict[int, Answer] = {}
        ready = False
        try:
            message = self._signed(item, route.key)
            with self._connection(route.way(), item.name) as client:
                client.ehlo_or_helo_if_needed()
                ready = True
                # Should we not survive it, it is not the first one at the next start.
                self._spool.keep(item, replace(standing, next=self._now() + route.patience.first))
                hand_on(client, Order(item.queued, standing.left, message, may), answers)
        except (CannotSend, NoSignature) as trouble:
            if isinstance(trouble, Closed) or (not ready and isinstance(trouble, CannotSend)):
                return Result(standing, problem=str(trouble), tried=True, broken=isinstance(trouble, Broken))
            # It is this message's own: others are tried, and this one has its turn after a pause like any other.
            _log.error("message %s is tried again: %s", item.queued.identity, trouble)
            later = Answer(Handed.LATER, _BROKEN if ready else _UNSIGNED)
            answers = {**dict.fromkeys(standing.left, later), **answers}
        step = after(item.queued, standing, answers, self._now(), route.patience)
        return replace(self.take(item, standing, step, route), tried=ready)

    def age(self, item: Item, standing: Standing, route: Route) -> Result:
        """See what time alone has made of a message: late, or over."""
        return self.take(item, standing, after(item.queued, standing, {}, self._now(), route.patience), route)

    def give_up(self, item: Item, standing: Standing, status: str, route: Route) -> Result:
        """Stop sending a message to all who are left, and tell its sender so."""
        return self.take(item, standing, given_up(item.queued, standing, status), route)

    def forget(self, item: Item) -> None:
        """Remove a message without telling anybody. Raise ``OSError``."""
        self._spool.remove(item)

    def take(self, item: Item, before: Standing, step: Step, route: Route) -> Result:
        """Do what follows. Raise ``OSError`` or ``StoreFailed``: then nothing was struck off."""
        for action in Action:
            outcomes = tuple(outcome for outcome in step.outcomes if outcome.action is action)
            if outcomes:
                self._post(item.queued.login, self._report(item, outcomes, route.domain))
        if step.standing is None:
            self._spool.remove(item)
        else:
            self._spool.keep(item, step.standing)
        left = set(() if step.standing is None else step.standing.left)
        addresses = {number: item.queued.recipients[number].address for number in before.left if number not in left}
        taken = tuple(address for number, address in addresses.items() if number not in step.failed)
        refused = tuple(address for number, address in addresses.items() if number in step.failed)
        return Result(step.standing, taken, refused)

    def cut(self, name: str | None = None) -> None:
        """End what is under way with the message in the file ``name``, or with all; what is not taken yet stays."""
        with self._guard:
            for client, whose in self._clients.items():
                if name in {None, whose}:
                    cut(client)

    @contextlib.contextmanager
    def _connection(self, way: Way, name: str) -> Iterator[smtplib.SMTP]:
        """Connect; meanwhile the connection can be cut."""
        mine: list[smtplib.SMTP] = []

        def noticed(client: smtplib.SMTP) -> None:
            mine.append(client)
            with self._guard:
                self._clients[client] = name

        try:
            with opened(way, noticed) as client:
                yield client
        finally:
            with self._guard:
                for client in mine:
                    self._clients.pop(client, None)

    def _signed(self, item: Item, key: SigningKey | None) -> Message:
        """Look at what is sent: its size, whether there are letters beyond ASCII, and its signature."""
        head, eight = bytearray(), False
        end: int | None = None
        for chunk in self._spool.content(item):
            eight = eight or not chunk.isascii()
            if end is None and len(head) <= 2 * HEAD_LIMIT:
                head += chunk
                end = end_of_head(head)
        head = head[:end]
        signature = b"" if key is None else key.signature(bytes(head), self._spool.content(item, len(head)))

        def content() -> Iterable[bytes]:
            return itertools.chain((signature,), self._spool.content(item))

        return Message(content, len(signature) + item.size, eight, not head.isascii())

    def _report(self, item: Item, outcomes: Sequence[Outcome], domain: str) -> Report:
        queued, now = item.queued, self._now()
        told = "\n".join(f"{outcome.action} {outcome.address}" for outcome in outcomes)
        message = bytearray()
        for chunk in self._spool.content(item):
            message += chunk
            if len(message) > 2 * HEAD_LIMIT:
                break
        return Report(
            identity=hashlib.sha256(f"{queued.identity}\n{told}".encode()).hexdigest()[:16],
            domain=domain,
            to=f"{queued.login}@{domain}",
            at=now,
            arrived=queued.arrived.astimezone(now.tzinfo or UTC),
            outcomes=tuple(_in_zone(outcome, now) for outcome in outcomes),
            envid=queued.envid,
            message=bytes(message),
            whole=queued.ret == "FULL" and outcomes[0].action is Action.FAILED,
        )


def _in_zone(outcome: Outcome, now: datetime) -> Outcome:
    """Tell instants by the clock of the school."""
    return outcome if outcome.until is None else replace(outcome, until=outcome.until.astimezone(now.tzinfo))
