"""Whatever a client sends, each line of it is answered or the connection ends; nothing is thrown, little is held."""

import asyncio
import re
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.mail import authenticate, connection, protocol
from appliance.mail.device import Device
from appliance.mail.outside.inbound import Relay
from appliance.settings.mail_devices import MailDevice
from tests.unit.mail.wire_school import WireSchool

GREETINGS = (
    rb"220 schule\.example ESMTP|250-[ -~]+|250 HELP|250 schule\.example|501 Syntax: (?:EHLO|HELO) hostname|"
    rb"3[35]4 [ -~]*"
)
REPLY = re.compile(rb"(?:(?:" + GREETINGS + rb"|([245])\d\d \1\.\d{1,3}\.\d{1,3} [ -~]+)\r\n)*\Z")
FRED, COPIER = "fred@schule.example", "kopierer@schule.example"
DEVICE = MailDevice("10.1.30.5", COPIER, "Kopierer", 50, 200, 10**9)
HELD = 4096
"""Bytes that a connection may hold of what it has not read, beside the piece that came last."""
HELD_IN_BULK = 64 * 1024 + HELD
"""While a message is read."""


def auth(login: str, password: str) -> bytes:
    return b"AUTH PLAIN " + b64encode(f"\0{login}\0{password}".encode()) + b"\r\n"


@pytest.fixture(scope="module")
def school(tmp_path_factory) -> Iterator[WireSchool]:
    """A school in which nothing costs time: neither a wrong password nor the wait for a greeting."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        patch.setattr(authenticate, "_FIRST_PAUSE", 0)
        patch.setattr(connection, "_PAUSE", 0)
        yield WireSchool(tmp_path_factory.mktemp("wire"), (one, two))


_ADDRESSES = f"{FRED}|{COPIER}|frida@schule.example||postmaster|a@b.example|\U0001f600@b.example|\u00fc@x|<|a\x00b|@"
_PARAMETERS = "| SIZE=9| SIZE=99999999999| BODY=8BITMIME| SMTPUTF8| RET=FULL ENVID=+41| NOTIFY=SUCCESS| X| ="
_COMMANDS = (
    "EHLO x|HELO x|EHLO|RSET|NOOP|QUIT|DATA|VRFY x|HELP|HELP MAIL|STARTTLS|AUTH|AUTH LOGIN|AUTH PLAIN|AUTH PLAIN =|"
    "AUTH GSSAPI|auth plain AGEAYg==|BDAT 5 LAST||."
)
ADDRESSES = st.sampled_from(_ADDRESSES.split("|"))
PARAMETERS = st.sampled_from(_PARAMETERS.split("|"))
COMMANDS = st.one_of(
    st.sampled_from(_COMMANDS.split("|")).map(lambda command: f"{command}\r\n".encode()),
    st.builds(lambda address, more: f"MAIL FROM:<{address}>{more}\r\n".encode(), ADDRESSES, PARAMETERS),
    st.builds(lambda address, more: f"RCPT TO:<{address}>{more}\r\n".encode(), ADDRESSES, PARAMETERS),
    st.sampled_from([auth("fred", "right"), auth("fred", "wrong"), b"ZnJlZA==\r\n", b"*\r\n"]),
    st.binary(max_size=60),
    st.sampled_from([b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\r\n..\r\n", b"\x00", b"\r\n", b"x" * 3000, b"\xff\xfe"]),
)
HEADS = st.sampled_from(
    [b"From", b"Sender", b"Reply-To", b"Received", b"To", b"Subject", b"", b"Fr om", b"\xfc", b"Date", b"From "]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            FRED.encode(),
            COPIER.encode(),
            b"a@b.example",
            b"=?utf-8?q?fred=40x?= <fred@schule.example>",
            b"a@b, c@d",
            b"",
            b"(x)",
        ]
    ),
    st.binary(max_size=40),
)
MESSAGES = st.builds(
    lambda sender, fields, body: (
        f"EHLO x\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<frida@schule.example>\r\nDATA\r\n".encode()
        + b"".join(name + b": " + value + b"\r\n" for name, value in fields)
        + b"\r\n"
        + body
        + b"\r\n.\r\n"
    ),
    st.sampled_from([FRED, COPIER, "", "a@b.example", "\u00fc@b.example> SMTPUTF8 RET=FULL AUTH=<"]),
    st.lists(st.tuples(HEADS, VALUES), max_size=5),
    st.binary(max_size=200),
)


@settings(max_examples=150)
@given(
    st.lists(st.one_of(COMMANDS, COMMANDS, MESSAGES), max_size=12),
    st.lists(st.integers(0, 3000), max_size=6),
    st.sampled_from(["a person", "somebody", "a device", "a relay"]),
    st.booleans(),
)
def test_any_conversation_ends_in_replies(school, said, cuts, who, safe) -> None:
    """A message is there if and only if it was said so."""
    party = {"a device": Device(school.house, DEVICE), "a relay": Relay(school.house)}.get(who)
    begun = b"EHLO x\r\n" + auth("fred", "right") if who == "a person" else b""
    stream, before = begun + b"".join(said), school.stored()
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[start:end] for start, end in pairwise(edges)]
    replies = b"".join(asyncio.run(school.talk(chunks, party, safe=safe or bool(begun))))
    assert REPLY.match(replies), replies
    assert school.troubles == []
    assert b"unexpected" not in replies and b"451 " not in replies
    assert school.stored() - before == replies.count(b"250 2.0.0 The message is stored")
    assert school.most_held <= HELD_IN_BULK


_TO_DATA = f"EHLO x\r\nMAIL FROM:<{COPIER}>\r\nRCPT TO:<{FRED}>\r\nDATA\r\n".encode()


@pytest.mark.parametrize("piece", [b"x", b"NOOP ", b"\r", b"\0", b".", b"\r\n "], ids=repr)
@pytest.mark.parametrize("begun", [b"", _TO_DATA, _TO_DATA + b"X: y"], ids=["command", "message", "head"])
def test_no_flood_is_held(school, begun: bytes, piece: bytes) -> None:
    """Three MB of which no line ends."""
    chunk = piece * (65536 // len(piece))
    party = Device(school.house, DEVICE)
    tracemalloc.start()
    try:
        replies = b"".join(asyncio.run(school.talk([begun, *[chunk] * 50], party, safe=False)))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert REPLY.match(replies) and school.most_held <= (HELD_IN_BULK if begun else HELD)
    assert most < 600_000, "its own pieces, a head of the greatest length, and what a conversation is made of"
    assert school.troubles == []


def test_replies_to_commands_that_came_together_go_together(school) -> None:
    """RFC 2920 3.2: one piece for the greeting, one up to 354, each other reply at once."""
    group = f"MAIL FROM:<{COPIER}>\r\nRCPT TO:<{FRED}>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n".encode()
    message = f"From: {COPIER}\r\n\r\nx\r\n.\r\n".encode()
    said = [b"EHLO x\r\n" + group + message + group[:-6] + b"RSET\r\nQUIT\r\n"]
    sent = asyncio.run(school.talk(said, Device(school.house, DEVICE), safe=False))
    starts = [[line[:3] for line in piece.splitlines()] for piece in sent]
    assert starts[0] == [b"220"] and set(starts[1]) == {b"250"} and len(starts[1]) > 5
    assert starts[2:] == [[b"250", b"250", b"550", b"354"], [b"250"], [b"250", b"250", b"550", b"250"], [b"221"]]


def test_many_commands_at_once_hold_up_nobody(school) -> None:
    """RFC 2920 lets a client send them; others get their turn in between."""
    turns = 0

    async def both() -> list[bytes]:
        async def other() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        task = asyncio.create_task(other())
        said = [b"EHLO x\r\n" + f"MAIL FROM:<{COPIER}>\r\nRSET\r\n".encode() * 400]
        try:
            await asyncio.sleep(0)
            return await school.talk(said, Device(school.house, DEVICE), safe=False)
        finally:
            task.cancel()

    assert b"".join(asyncio.run(both())).count(b"250 2.1.0") == 400
    assert turns > 200


def test_a_message_far_too_large_ends_the_connection_before_its_end(school) -> None:
    chunks = [_TO_DATA, *[(b"x" * 70 + b"\r\n") * 900] * 8]
    replies = b"".join(asyncio.run(school.talk(chunks, Device(school.house, DEVICE), safe=False)))
    assert replies.splitlines()[-2][:4] == b"354 " and replies.splitlines()[-1][:10] == b"552 5.3.4 "
    assert school.troubles == []


def test_a_message_that_takes_too_long_ends_the_connection(school, monkeypatch) -> None:
    monkeypatch.setattr(protocol, "_LONGEST", -1.0)
    chunks = [_TO_DATA + f"From: {COPIER}\r\n\r\n".encode(), b"x\r\n"]
    before = school.stored()
    replies = b"".join(asyncio.run(school.talk(chunks, Device(school.house, DEVICE), safe=False)))
    assert replies.splitlines()[-2][:4] == b"354 " and replies.splitlines()[-1][:10] == b"421 4.4.2 "
    assert school.stored() == before and school.troubles == []


@pytest.mark.parametrize(("beside", "messages", "refused"), [("", 51, 51), ("RCPT TO:<x@y>\r\n", 25, 50)])
def test_who_goes_on_with_what_is_refused_is_sent_away(school, beside: str, messages: int, refused: int) -> None:
    """Messages as well as recipients: to judge a head costs something, and a refused one counts for no hour."""
    message = f"MAIL FROM:<{COPIER}>\r\nRCPT TO:<{FRED}>\r\n{beside}DATA\r\nFrom: x@y\r\n\r\n.\r\n".encode()
    chunks = [b"EHLO x\r\n", message * 60]
    replies = b"".join(asyncio.run(school.talk(chunks, Device(school.house, DEVICE), safe=False)))
    codes = [reply[:3] for reply in replies.splitlines()]
    assert (codes.count(b"354"), codes.count(b"550"), codes[-1]) == (messages, refused, b"421")
