"""What makes a message malformed, in words for the carer: ``schoolserver why`` tells which of these it was.

May live here: these rules. May not: finding out which (``transfer``, ``head``, ``addresses``), replies: a mail program
hears one text for all of them. No text names anybody, nor what stood in the message.
"""

from __future__ import annotations

from enum import Enum

from appliance.policy.decision import Rule

_HEAD = "built-in RFC 5322 3.6"


class Wrong(Enum):
    """The rule that a message does not keep to."""

    NO_FROM = Rule(_HEAD, "the head of a message has a From, and an empty line behind it")
    TWICE = Rule(_HEAD, "the head of a message has one From, one Sender and one Reply-To at most")
    SENDER = Rule(_HEAD, "a sender is one plain address, with a name if need be: no group, comment or open quote")
    ENCODED = Rule("built-in RFC 2047", "a sender's name is in letters that can be decoded: utf-8, iso-8859-1 and such")
    MUCH = Rule("built-in", "a head has up to 256 KiB and 1000 fields, and no more senders than a mail program writes")
    FIELD = Rule(_HEAD, "each line of the head is a name, a colon without a blank before it, and a text")
    CONTROL = Rule(_HEAD, "the head of a message has no control characters, not encoded either")
    NUL = Rule("built-in RFC 5321 2.4", "a message has no NUL")
    LINE_END = Rule("built-in RFC 5321 2.3.8", "each line of a message ends with CR and LF, and has neither elsewhere")
    LONG_LINE = Rule("mail.yaml line_length", "a line of a message has a greatest length")
