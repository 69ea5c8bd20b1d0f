"""One question to one DNS server (RFC 1035), by a connection or a datagram. Blocking.

May live here: the exchange. May not: what is asked, and what an answer means (``probe_*``).
"""

from __future__ import annotations

import os
import socket
from typing import Final

from twisted.names import dns

_LARGEST: Final = 65535
Where = tuple[str, int]


def by_connection(where: Where, name: str, kind: int, timeout: float) -> dns.Message:
    """Ask ``where`` (address, port) for records of ``kind`` at ``name``; the answer, of any size.

    Raises ``OSError`` where none comes within ``timeout`` seconds, also for one to another question.
    """
    number, data = _question(name, kind)
    with socket.create_connection(where, timeout) as line, line.makefile("rb") as replies:
        line.sendall(len(data).to_bytes(2, "big") + data)
        return _answer(number, replies.read(int.from_bytes(replies.read(2), "big")))


def by_datagram(where: Where, name: str, kind: int, timeout: float) -> dns.Message:
    """As :func:`by_connection`, in the way in which nearly all is asked."""
    number, data = _question(name, kind)
    with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(timeout)
        line.connect(where)
        line.send(data)
        return _answer(number, line.recv(_LARGEST))


def _question(name: str, kind: int) -> tuple[int, bytes]:
    question = dns.Message(id=int.from_bytes(os.urandom(2), "big"), recDes=1)
    question.addQuery(name.encode("ascii"), kind, dns.IN)
    return question.id, question.toStr()


def _answer(number: int, data: bytes) -> dns.Message:
    answer = dns.Message()
    try:
        answer.fromStr(data)
    except (EOFError, ValueError) as problem:
        raise OSError("no answer of a DNS server") from problem
    if answer.id != number:
        raise OSError("the answer is to another question")
    return answer
