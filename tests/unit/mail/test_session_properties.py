"""Whatever is said in whatever order, while accounts change: the rules hold, and each answer is a reply.

The invariants: nobody without a mailbox or room gets a message, nobody outside gets one from who may not, no message
and no hour goes to more people than the rules say, and what refuses is one line of SMTP.
"""

import asyncio
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.auth.client import Answer, Verdict
from appliance.daemon.secret import Secret
from appliance.mail.envelope import Asked
from appliance.mail.party import Delivery
from appliance.policy.account import Group, GroupKind, Role, Service
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.policy.mailboxes import takes_mail
from appliance.policy.mailing import MailRules, RoleRules
from appliance.policy.snapshot import Snapshot, Version

from .conftest import ALL, BOTH, account
from .test_session import Around, Counted

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
LINE = re.compile(r"[45]\d\d [45]\.\d\.\d{1,2} [ -~]+\Z")
PER_MESSAGE, PER_HOUR, QUOTA = 4, 9, 1000
PEOPLE = {
    one.login: one
    for one in (
        account("fred", uid=1, groups=("chor", "klasse3a"), quota=QUOTA),
        account("gina", uid=2, groups=("klasse3a",), quota=QUOTA),
        account("hans", uid=3, groups=("chor", "klasse3a"), quota=QUOTA),
        account("tina", Role.TEACHER, uid=4, groups=("klasse3a",), quota=QUOTA),
        account("olga", Role.OFFICE, uid=5, quota=QUOTA),
        account("ada", Role.ADMIN, uid=6),
    )
}
SCHOOL = Snapshot(
    version=Version(1, 1),
    audience="mail",
    domain="schule.example",
    zone=ZoneInfo("Europe/Berlin"),
    accounts=PEOPLE,
    groups={"klasse3a": Group("klasse3a", GroupKind.CLASS, 1), "chor": Group("chor", GroupKind.CLUB, 2)},
    rules=(ALL,),
    consents_required={Service.MAIL: BOTH},
    limits=LimitTable(Limits(1000, 1000), message_overhead=500),
    mail=MailRules(
        {role: RoleRules(per_message=PER_MESSAGE, per_hour=PER_HOUR) for role in Role},
        sends_outside=frozenset({Role.TEACHER}),
    ),
)
LOCALS = (*PEOPLE, "klasse3a", "chor", "postmaster", "nobody")
ADDRESSES = st.sampled_from([f"{local}@schule.example" for local in LOCALS] + ["x@town.example", "y@town.example", "z"])
STEPS = st.one_of(
    st.tuples(st.just("sender"), ADDRESSES, st.integers(0, 1200)),
    st.tuples(st.just("recipient"), ADDRESSES, st.sampled_from([(), ("SUCCESS",), ("NEVER",)])),
    st.tuples(st.just("recipient"), ADDRESSES, st.just(())),
    st.tuples(st.just("whole"), st.integers(1, 1200), st.none()),
    st.tuples(st.just("close"), st.sampled_from(sorted(PEOPLE)), st.none()),
    st.tuples(st.just("fill"), st.sampled_from(sorted(PEOPLE)), st.integers(0, QUOTA)),
)


class Conversation:
    """One session of ``login``, and what came of it."""

    def __init__(self, login: str) -> None:
        self.around = Around(SCHOOL, NOW, Verdict(Answer.VERIFIED, login), recipients_max=20, hours=Counted())
        self.session = self.around.session()
        asyncio.run(self.session.sign_in(login, Secret("x")))
        self.login = login
        self.begun = False
        self.sent: Counter[str] = Counter()

    def step(self, what: str, *given: Any) -> None:
        getattr(self, what)(*given)

    def sender(self, address: str, size: int) -> None:
        refused = self.session.sender(address, size)
        self.begun = refused is None
        assert refused is None or LINE.match(refused)
        own = {f"{self.login}@schule.example"}
        spoken_for = {"klasse3a@schule.example", "chor@schule.example"} if self.begun else set()
        assert not self.begun or address in own | spoken_for

    def recipient(self, address: str, notify: tuple[str, ...]) -> None:
        refused = self.session.recipient(address, Asked(frozenset(notify)))
        assert refused is None or LINE.match(refused)

    def whole(self, size: int, _: None) -> None:
        if not self.begun:
            return
        self.session.trace("7f3a", smtputf8=False)
        used = dict(self.around.used)
        delivery = self.session.whole(size)
        if not isinstance(delivery, Delivery):
            assert LINE.match(delivery)
            return
        people = SCHOOL.accounts | self.around.snapshot.accounts
        for login in delivery.logins:
            one = self.around.snapshot.accounts[login]
            assert takes_mail(self.around.snapshot, one)
            assert not one.quota or used.get(one.uid, 0) + size <= one.quota
        assert not delivery.outside or people[self.login].role is Role.TEACHER
        recipients = len(delivery.logins) + len(delivery.outside)
        assert recipients <= PER_MESSAGE
        self.sent[self.login] += recipients
        assert self.sent[self.login] <= PER_HOUR
        assert [login for login, _ in delivery.reports] in ([], [self.login])
        self.session.accepted("7f3a", size)
        self.session.reset()
        self.begun = False

    def close(self, login: str, _: None) -> None:
        if login != self.login:
            accounts = {**self.around.snapshot.accounts}
            accounts[login] = replace(accounts[login], disabled=not accounts[login].disabled)
            self.around.snapshot = replace(self.around.snapshot, accounts=accounts)

    def fill(self, login: str, used: int) -> None:
        self.around.used[PEOPLE[login].uid] = used


@settings(max_examples=300, deadline=None, database=None)
@given(st.sampled_from(["fred", "tina", "olga"]), st.lists(STEPS, max_size=40))
def test_the_rules_hold(login: str, steps: list[tuple[Any, ...]]) -> None:
    conversation = Conversation(login)
    conversation.sender(f"{login}@schule.example", 10)
    for step in steps:
        conversation.step(*step)
        if not conversation.begun:
            conversation.sender(f"{login}@schule.example", 10)
