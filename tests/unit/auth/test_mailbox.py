"""What an IMAP engine is told about a mailbox: one's own limit, exemptions too, and what files leave of the quota."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from appliance.auth.mailbox import Bounds, Mailboxes
from appliance.policy.account import Lock
from appliance.policy.limits import LimitRule, LimitTable, encoded_size
from tests.unit.auth.scenery import account, school

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
FRED = account("fred.mustermann", 20001, quota=1000)
TABLE = LimitTable(message_overhead=100)


def bounds(one=FRED, *rules, files=0, address=None, **changes):
    snapshot = replace(school(one), limits=replace(TABLE, rules=rules), **changes)
    return Mailboxes(lambda: snapshot, lambda uid: files if uid == FRED.uid else -1, lambda: NOW).bounds(
        "fred.mustermann", address
    )


def test_the_limit_is_that_of_the_account():
    usual = encoded_size(20_000_000) + 100
    assert bounds().largest == usual
    own = LimitRule("own", 3_000, None, login="fred.mustermann")
    assert bounds(FRED, own).largest == encoded_size(3_000) + 100
    exemption = LimitRule("state", 50_000_000, None, login="fred.mustermann", until=NOW + timedelta(days=1))
    assert bounds(FRED, own, exemption).largest == encoded_size(50_000_000) + 100
    over = replace(exemption, until=NOW - timedelta(seconds=1))
    assert bounds(FRED, over).largest == usual


def test_files_leave_less_of_the_space():
    assert bounds().space == 1000
    assert bounds(files=400).space == 600
    assert bounds(files=2000).space == 0
    assert bounds(replace(FRED, quota=0), files=400).space is None


def test_nothing_is_said_about_who_may_not_use_mail():
    assert isinstance(bounds(), Bounds)
    assert bounds(replace(FRED, locks=(Lock(None, NOW - timedelta(days=1), None),))) is None
    assert bounds(account("anna.lehmann", 20002)) is None
    assert Mailboxes(lambda: None, lambda uid: 0).bounds("fred.mustermann", None) is None
