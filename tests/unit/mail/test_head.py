"""The head of a message is read in one way or not at all."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from appliance.mail.head import Field, Malformed, Trace, end_of_head, lines_above, read_fields

TRACE = Trace(
    "7f3a", "fred@schule.example", "schule.example", datetime(2026, 11, 23, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))
)


def test_fields_are_unfolded_and_named_in_lower_case() -> None:
    head = b"FROM: a\r\n\tb\r\nSubject:\r\nX-Y:  z \r\n\r\n"
    assert read_fields(head) == (Field("from", b"a\tb"), Field("subject", b""), Field("x-y", b"z"))


@pytest.mark.parametrize(
    "head",
    [
        b"From : a\r\n",
        b"From a\r\n",
        b" From: a\r\n",
        b"A: b\r\n \r\nFrom: c\r\n",
        b"A: b\r\n\t \r\n",
        b"A: b\0\r\n",
        b": b\r\n",
        b"F\xc3\xa4: b\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_malformed(head: bytes) -> None:
    with pytest.raises(Malformed):
        read_fields(head)


def test_the_end_of_the_head() -> None:
    assert end_of_head(b"a: b\r\n\r\nbody\r\n\r\n") == 8
    assert end_of_head(b"\r\nbody") == 2
    assert end_of_head(b"a: b\r\n") is None


def test_date_and_message_id_are_added_where_missing() -> None:
    above = lines_above(TRACE, ())
    assert above == (
        b"Return-Path: <fred@schule.example>\r\n"
        b"Received: by schule.example with ESMTPSA id 7f3a;\r\n"
        b"\tMon, 23 Nov 2026 09:30:00 +0100\r\n"
        b"Date: Mon, 23 Nov 2026 09:30:00 +0100\r\n"
        b"Message-ID: <7f3a@schule.example>\r\n"
    )
    kept = lines_above(TRACE, (Field("date", b"x"), Field("message-id", b"y")))
    assert kept.count(b"\r\n") == 3
    assert {"date", "message-id"}.isdisjoint(field.name for field in read_fields(kept))
