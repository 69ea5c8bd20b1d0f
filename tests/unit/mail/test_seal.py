"""A mark proves that we delivered a message, when and from whom; nothing of it can be exchanged."""

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from appliance.mail.seal import FIELD, Delivered, Sealer, evidence, judge

KEY, OTHER = SigningKey(bytes(32)), SigningKey(b"1" * 32)
AT = datetime(2026, 9, 1, 10, 0, 5, tzinfo=timezone(timedelta(hours=2)))
FRED = "fred.mustermann@schule.example"
BODY = b"Return-Path: <fred.mustermann@schule.example>\r\nFrom: x\r\n\r\nhello\r\n"


def sealed(body=BODY, sender=FRED, key=KEY, identity="0123456789abcdef"):
    sealing = Sealer(key).begin(identity, AT, sender)
    for start in range(0, len(body), 7):
        sealing.update(body[start : start + 7])
    line = sealing.line()
    assert len(line) == len(sealing.placeholder)
    return line + body


def judged(data, *keys):
    return judge(evidence(io.BytesIO(data)), [key.verify_key for key in keys or (KEY,)])


def test_what_is_unchanged_is_ours():
    found = judged(sealed())
    assert found == Delivered("0123456789abcdef", datetime(2026, 9, 1, 8, 0, 5, tzinfo=UTC), FRED)
    assert judged(sealed(), OTHER, KEY) == found
    assert judged(sealed(), OTHER) is None


def test_the_blank_proves_nothing_and_has_no_other_length():
    sealing = Sealer(KEY).begin("a", AT, FRED)
    assert sealing.placeholder.startswith(f"{FIELD}: ".encode()) and sealing.placeholder.endswith(b"\r\n")
    assert judged(sealing.placeholder + BODY) is None


@pytest.mark.parametrize("sender", ["", FRED, "grüße@schule.example", '"a b"@x.example', "%3C@x", "a@" + "b" * 250])
def test_every_sender_comes_back(sender):
    data = sealed(sender=sender)
    assert judged(data).sender == sender
    assert data.index(b"\r\n") <= 998 and data.partition(b"\r\n")[0].isascii()


def test_a_sender_too_long_for_a_line_is_left_out():
    data = sealed(sender="ü" * 200)
    assert judged(data).sender is None
    assert data.index(b"\r\n") <= 998


@settings(max_examples=100)
@given(st.data())
def test_no_byte_can_be_changed_added_or_taken_away(data):
    message = sealed()
    at = data.draw(st.integers(0, len(message) - 1))
    new = data.draw(st.binary(max_size=2).filter(lambda new: new != message[at : at + 1]))
    changed = message[:at] + new + message[at + 1 :]
    if changed.replace(b"\r\n", b"\n") != message.replace(b"\r\n", b"\n"):
        assert judged(changed) is None


def test_there_is_one_way_to_write_a_signature():
    line, _, body = sealed().partition(b"\r\n")
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = letters[letters.index(line[-3]) ^ 1]
    assert judged(line[:-3] + bytes([other]) + b"==\r\n" + body) is None


def test_the_time_and_the_sender_of_another_mark_do_not_fit():
    other = Sealer(KEY).begin("0123456789abcdef", AT + timedelta(hours=1), "gina.musterfrau@schule.example")
    other.update(BODY)
    ours, theirs = sealed().split(b"\r\n")[0].split(b" "), other.line().rstrip().split(b" ")
    for part in (2, 4):
        mixed = [*ours]
        mixed[part] = theirs[part]
        assert judged(b" ".join(mixed) + b"\r\n" + BODY) is None


@pytest.mark.parametrize("above", [b"From x Tue Sep  1\n", b"X-Mozilla-Status: 0001\r\nX-UIDL: 5\r\n", b""])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_what_a_mail_program_saved_is_ours(above, end):
    assert judged(above + sealed().replace(b"\r\n", end)) is not None


@pytest.mark.parametrize("above", [b"From: other@schule.example\r\n", b"\r\n", b"X-Mozilla-Status", b" "])
def test_nothing_else_may_stand_above(above):
    assert judged(above + sealed()) is None


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_whatever_is_read_is_judged(data):
    assert judged(data) is None
    assert judged(FIELD.encode() + b": 1 " + data) is None


@pytest.mark.parametrize("line", ["9" * 8 + "T000000Z", "20260901T080005Z"])
def test_a_line_that_only_looks_like_one(line):
    text = f"{FIELD}: 1 {line} a {FRED} {'=' * 88}\r\n"
    assert judged(text.encode() + BODY) is None


def test_large_messages_are_read_in_pieces():
    body = b"\r\n".join(b"x" * 997 for _ in range(700)) + b"\r\n"
    assert judged(sealed(body)) is not None
    assert judged(sealed(body).replace(b"\r\n", b"\n")) is not None
