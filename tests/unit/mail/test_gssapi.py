"""The order of messages of AUTH GSSAPI (RFC 4752), with tokens that are words."""

from datetime import UTC, datetime

import pytest

from appliance.mail.gssapi import Dialogue, Proved
from appliance.session.kerberos import NoTicket, Ticket

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TICKET = Ticket("fred", NOW, NOW)


class Tokens:
    """Takes the words it is made with, in their order; the last completes. Signed is what has brackets around it."""

    def __init__(self, *steps):
        self.ticket, self._steps = None, list(steps)

    def step(self, token):
        expected, answer = self._steps.pop(0)
        if token != expected:
            raise NoTicket("another word")
        if not self._steps:
            self.ticket = TICKET
        return answer

    def wrap(self, text):
        return b"<" + text + b">"

    def unwrap(self, message):
        if message[:1] + message[-1:] != b"<>":
            raise NoTicket("not signed")
        return message[1:-1]


ONE = (b"hello", b"hi")


def agreed(*steps):
    dialogue = Dialogue(Tokens(*steps or (ONE,)))
    assert dialogue.step(b"hello") == b"hi"
    assert dialogue.step(b"") == b"<\x01\0\0\0>"
    return dialogue


@pytest.mark.parametrize("identity", ["", "fred", "J\u00fcrgen@schule.example"])
def test_the_whole_of_it(identity):
    end = b"<\x01\0\0\0" + identity.encode() + b">"
    assert agreed().step(end) == Proved(TICKET, identity)


def test_several_tokens():
    dialogue = Dialogue(Tokens((b"hello", b"who?"), (b"me", b"hi")))
    assert [dialogue.step(word) for word in (b"hello", b"me", b"")] == [b"who?", b"hi", b"<\x01\0\0\0>"]


def test_without_an_answer_to_the_last_token_the_offer_follows():
    dialogue = Dialogue(Tokens((b"hello", b"")))
    assert dialogue.step(b"hello") == b"<\x01\0\0\0>"


def test_an_empty_answer_in_between_is_sent():
    dialogue = Dialogue(Tokens((b"hello", b""), (b"me", b"hi")))
    assert dialogue.step(b"hello") == b""


@pytest.mark.parametrize(
    "end",
    [
        b"",
        b"\x01\0\0\0fred",
        b"<>",
        b"<\x01\0\0>",
        b"<\x02\0\0\0fred>",
        b"<\x04\0\x10\0fred>",
        b"<\x03\0\0\0fred>",
        b"<\0\0\0\0fred>",
        b"<\x01\0\0\0\xff>",
    ],
)
def test_other_ends(end):
    with pytest.raises(NoTicket):
        agreed().step(end)


def test_something_after_the_last_token():
    dialogue = Dialogue(Tokens(ONE))
    dialogue.step(b"hello")
    with pytest.raises(NoTicket):
        dialogue.step(b"and more")
