"""Handing one message to the smarthost: one or more transactions of SMTP over a connection that is there (RFC 5321).

May live here: MAIL, RCPT, DATA and what their replies mean. May not: connecting (``daemon.smtp_client``), when it is
tried again (``attempts``), files. Blocking. A message is streamed, never held whole.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.daemon.smtp_way import Broken
from appliance.mail.outside.attempts import Answer, Handed
from appliance.mail.outside.envelope import Queued

AT_ONCE: Final = 100
"""Recipients of one transaction; every server takes so many (RFC 5321 4.5.3.1.8)."""

_STATUS = re.compile(rb"([245])\.(\d{1,3})\.(\d{1,3})(?= |\Z)")
_XTEXT = re.compile(r"[^!-*,-<>-~]")
_GOING_AWAY = 421
_LOGIN_WANTED = frozenset({530, 534, 535, 538})
_NOT_NOW = "4.7.2"


class Closed(Broken):
    """The server takes nothing from us as we come to it, whatever the message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: ``content`` gives its bytes anew at each call (CRLF lines, ``size`` bytes).

    ``eight``: whether there are bytes beyond ASCII, ``eight_in_head``: also in its head.
    """

    content: Callable[[], Iterable[bytes]]
    size: int
    eight: bool
    eight_in_head: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What to send: the ``message`` that is ``queued`` to its recipients ``numbers``, if it still ``may`` leave."""

    queued: Queued
    numbers: Sequence[int]
    message: Message
    may: Callable[[], bool]


def hand_on(client: smtplib.SMTP, order: Order, answers: dict[int, Answer]) -> None:
    """Carry out ``order``; what came of each recipient is put into ``answers``.

    Raises :class:`Closed`, and what smtplib raises when the connection ends; who has no answer then must be tried
    again. The server may take fewer recipients at once than we name (452); the rest follows in another transaction.
    """
    impossible = _impossible(client, order.queued, order.message)
    if impossible is not None:
        answers.update(dict.fromkeys(order.numbers, impossible))
        return
    left = list(order.numbers)
    while left:
        batch, left = left[:AT_ONCE], left[AT_ONCE:]
        too_many = _transaction(client, order, batch, answers)
        left = too_many + left


def _transaction(client: smtplib.SMTP, order: Order, numbers: Sequence[int], answers: dict[int, Answer]) -> list[int]:
    """Do one transaction; gives the recipients for whom there was no room in it, though there was for others."""
    queued, message = order.queued, order.message
    code, said = _command(client, f"MAIL FROM:<{queued.sender}>{_parameters(client, queued, message)}")
    if code in _LOGIN_WANTED:
        raise Closed(f"the smarthost wants another login, or one at all ({code}; mail.yaml: outside.login)")
    refused = _refusal(client, code, said)
    if refused is not None:
        answers.update(dict.fromkeys(numbers, refused))
        client.rset()
        return []
    taken, no_room = [], []
    for number in numbers:
        recipient = queued.recipients[number]
        code, said = _command(client, f"RCPT TO:<{recipient.address}>{_asked(client, queued, number)}")
        answer = _refusal(client, code, said)
        if answer is None:
            taken.append(number)
        elif code == 452 and taken:
            no_room.append(number)
        else:
            answers[number] = answer
    if taken and not order.may():  # a slow server gives time for a lock
        client.rset()
        answers.update(dict.fromkeys([*taken, *no_room], Answer(Handed.LATER, _NOT_NOW)))
        return []
    if taken:
        answer = _data(client, message)
        answers.update(dict.fromkeys(taken, answer or _sent(client)))
        if answer is not None:  # the message as such is not wanted: the others are not tried in vain
            answers.update(dict.fromkeys(no_room, answer))
            no_room = []
    else:
        client.rset()
    return no_room


def _data(client: smtplib.SMTP, message: Message) -> Answer | None:
    code, said = _command(client, "DATA")
    if code != 354:
        return _refusal(client, code, said) or Answer(Handed.LATER, "4.5.0", _text(code, said), _host(client))
    for piece in _stuffed(message.content()):
        client.send(piece)
    client.send(b".\r\n")
    return _refusal(client, *client.getreply())


def _stuffed(content: Iterable[bytes]) -> Iterator[bytes]:
    """Double the dots that begin a line (RFC 5321 4.5.2), and see that the last line ends."""
    tail = b"\r\n"
    for chunk in content:
        text = tail + chunk
        yield text.replace(b"\r\n.", b"\r\n..")[len(tail) :]
        tail = text[-2:]
    if tail != b"\r\n":
        yield b"\r\n"


def _impossible(client: smtplib.SMTP, queued: Queued, message: Message) -> Answer | None:
    """Say why this server can never take the message, if it cannot."""
    room = client.esmtp_features.get("size", "").split(" ")[0]
    if room.isdecimal() and 0 < int(room) < message.size:
        return Answer(Handed.NEVER, "5.3.4", f"SIZE {room}", _host(client))
    if message.eight and not client.has_extn("8bitmime"):
        return Answer(Handed.NEVER, "5.6.3", "", _host(client))
    if queued.smtputf8 and message.eight_in_head and not client.has_extn("smtputf8"):
        return Answer(Handed.NEVER, "5.6.7", "", _host(client))
    return None


def _parameters(client: smtplib.SMTP, queued: Queued, message: Message) -> str:
    found = []
    if client.has_extn("size"):
        found.append(f"SIZE={message.size}")
    if message.eight:
        found.append("BODY=8BITMIME")
    if queued.smtputf8 and message.eight_in_head:
        found.append("SMTPUTF8")
    if client.has_extn("dsn"):
        found += [f"RET={queued.ret}"] if queued.ret else []
        found += [f"ENVID={_xtext(queued.envid)}"] if queued.envid else []
    return "".join(f" {parameter}" for parameter in found)


def _asked(client: smtplib.SMTP, queued: Queued, number: int) -> str:
    asked = queued.recipients[number].asked
    if not client.has_extn("dsn"):
        return ""
    notify = f" NOTIFY={','.join(sorted(asked.notify))}" if asked.notify else ""
    kind, _, original = (asked.orcpt or "").partition(";")
    return f"{notify} ORCPT={kind};{_xtext(original)}" if original.isascii() and original else notify


def _sent(client: smtplib.SMTP) -> Answer:
    return Answer(Handed.SENT_TOLD if client.has_extn("dsn") else Handed.SENT, "2.0.0", "", _host(client))


def _command(client: smtplib.SMTP, line: str) -> tuple[int, bytes]:
    return client.docmd(line)


def _refusal(client: smtplib.SMTP, code: int, said: bytes) -> Answer | None:
    """Give what a reply means that is no success. One that says good bye is the end of the connection."""
    if code == _GOING_AWAY:
        raise smtplib.SMTPServerDisconnected("it said good bye")
    if 200 <= code < 300:
        return None
    for_good = 500 <= code < 600
    found = _STATUS.match(said)
    kind = "5" if for_good else "4"
    status = f"{kind}.{found[2].decode()}.{found[3].decode()}" if found else f"{kind}.0.0"
    return Answer(Handed.NEVER if for_good else Handed.LATER, status, _text(code, said), _host(client))


def _text(code: int, said: bytes) -> str:
    return f"{code} {said.decode('utf-8', 'replace')}"


def _host(client: smtplib.SMTP) -> str:
    return str(client._host)  # type: ignore[attr-defined]  # as it was named to us; smtplib keeps it there


def _xtext(text: str) -> str:
    return _XTEXT.sub(lambda found: "".join(f"+{byte:02X}" for byte in found[0].encode()), text)
