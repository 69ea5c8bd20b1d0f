"""What is stored of one message."""

import os
from datetime import UTC, datetime

import pytest
from nacl.signing import SigningKey

from appliance.mail.envelope import Asked, Envelope
from appliance.mail.outside.envelope import Queued, line
from appliance.mail.parcels import Taken, parcels
from appliance.mail.party import Delivery, OutsideRecipient
from appliance.mail.rewrite import Trace
from appliance.mail.seal import Sealer
from appliance.mail.store import Store

PAPA = OutsideRecipient("papa@home.example", Asked(frozenset({"FAILURE"})))


@pytest.mark.parametrize("sender", ["tina@schule.example", "klasse3a@schule.example"])
def test_what_leaves_the_school_leaves_as_its_author(tmp_path, sender: str) -> None:
    """Groups cannot be written to from outside, so a bounce to one would reach nobody (K34)."""
    store, at = Store(tmp_path, "host"), datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    draft = store.draft()
    draft.add(b"From: klasse3a@schule.example\r\n\r\nx\r\n")
    trace = Trace("7f3a", sender, "schule.example", at)
    taken = Taken(draft, b"", "tina", trace, Envelope("HDRS", "QQ"))
    inside, outside = parcels(taken, Delivery(("fred",), (PAPA,)), Sealer(SigningKey.generate()), store.draft)
    assert inside.logins == ("fred",) and outside.logins is None
    store.place([inside, outside])
    (spooled,) = (tmp_path / ".spool" / "new").iterdir()
    expected = Queued(
        identity="7f3a",
        login="tina",
        sender="tina@schule.example",
        recipients=(PAPA,),
        arrived=at,
        ret="HDRS",
        envid="QQ",
    )
    assert spooled.read_bytes() == line(expected) + b"From: klasse3a@schule.example\r\n\r\nx\r\n"
    assert len(os.listdir(tmp_path / "fred" / "new")) == 1
