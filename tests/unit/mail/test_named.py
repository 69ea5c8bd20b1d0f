"""Whom the recipients of a message are, each once; and how much is looked at while they are named."""

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from appliance.auth.client import Answer, Verdict
from appliance.mail.envelope import Asked
from appliance.mail.named import Recipient, Recipients
from appliance.mail.party import OutsideRecipient
from appliance.policy.account import Group, GroupKind, Role
from appliance.policy.decision import Reason
from appliance.policy.reach import Reached

from .test_session import Around

CHILDREN = 300
BIG = "gross@schule.example"
SUCCESS = Asked(frozenset({"SUCCESS"}))


def named(*reached: Reached) -> Recipients:
    recipients = Recipients()
    for each in reached:
        recipients.add(Recipient("x@schule.example", Asked(), each))
    return recipients


def test_each_person_and_address_counts_once() -> None:
    recipients = named(Reached(("fred",)), Reached(("fred", "gina"), group=True), Reached(outside="x@town.example"))
    assert list(recipients.logins) == ["fred", "gina"]
    assert recipients.count_with(Reached(("gina",))) == recipients.count_with(Reached(outside="x@town.example")) == 3
    assert recipients.count_with(Reached(("gina", "hans", "ida"))) == 5
    assert recipients.count_with(Reached(outside="y@town.example")) == 4
    assert len(recipients.named) == 3, "to count is not to add"


def test_of_an_address_outside_counts_what_was_asked_last() -> None:
    recipients = named(Reached(outside="x@town.example"))
    recipients.add(Recipient("x@town.example", SUCCESS, Reached(outside="x@town.example")))
    assert recipients.outside == {"x@town.example": OutsideRecipient("x@town.example", SUCCESS)}


@dataclass
class Watched(Around):
    """A school that notes whose mailbox is looked at."""

    looks: Counter = field(default_factory=Counter)

    def of(self, uid: int) -> int:
        self.looks[uid] += 1
        return super().of(uid)


@pytest.fixture
def around(make_snapshot, new_account, now):
    children = (new_account(f"child{uid}", uid=uid, groups=("gross",), quota=1_000) for uid in range(1, CHILDREN + 1))
    snapshot = make_snapshot(new_account("tina", Role.TEACHER, uid=9_999), *children)
    snapshot = replace(snapshot, groups={"gross": Group("gross", GroupKind.CLUB, 1)})
    return Watched(snapshot, now, Verdict(Answer.VERIFIED, "tina"), recipients_max=100)


def test_a_big_group_named_again_and_again_costs_a_look_each_time_and_not_the_whole_group(around) -> None:
    session = around.signed_in("tina")
    session.sender("tina@schule.example", 10)
    assert [session.recipient(BIG) for _ in range(100)] == [None] * 100
    assert around.looks.total() == 100
    session.trace("7f3a", smtputf8=False)
    assert len(session.whole(10).logins) == CHILDREN
    assert around.looks.total() <= 100 + CHILDREN * 2, "each box once for the room, once to take it"


def test_whose_message_goes_too_wide_makes_us_look_at_no_mailbox(around) -> None:
    session = around.signed_in("child1")
    session.sender("child1@schule.example", 10)
    assert all(session.recipient(BIG).startswith("550 5.5.3 ") for _ in range(50))
    assert around.looks.total() == 0 and around.refusals == [Reason.TOO_MANY] * 50
