"""SMTP smuggling: what other servers take for the end of a message is none here, on every way in (RFC 5321 4.1.1.4).

A sequence that holds a bare CR, a bare LF or a NUL makes the message malformed, and ends the connection; any other is
text like all text. Either way it is one message with one reply, and what follows the sequence is never a command.
"""

from __future__ import annotations

import itertools
import ssl

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import FRED, FRIDA, Line, connect
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD

MALFORMED = [
    *(a + b"." + b for a, b in itertools.product((b"\n", b"\r", b"\r\n"), repeat=2) if (a, b) != (b"\r\n", b"\r\n")),
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\r.\r\n",
    b"\n\r.\n\r",
    b"\r\n.\n\r\n",
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\r\n.\r\x00\n",
    b"\r\x00\n.\r\n",
    b"\x00\r\n.\x00\r\n",
    b"\n\n.\r\n",
    b"\r\r.\r\r",
]
TEXT = [
    b"\r\n..\r\n",
    b"\r\n. \r\n",
    b"\r\n.\t\r\n",
    b"\r\n .\r\n",
    b"\r\n.\x0b\r\n",
    b"\x0b.\x0b",
    b"\x0c.\x0c",
    b"\x85.\x85",
    b"\xc2\x85.\xc2\x85",
    b"\xe2\x80\xa8.\xe2\x80\xa8",
    b"\x1c.\x1c",
    b"\r\n=2E\r\n",
    b"=0D=0A.=0D=0A",
    b"\\r\\n.\\r\\n",
]
_HEAD = b"From: " + FRED.encode() + b"\r\nSubject: smuggled\r\n\r\n"
_SMUGGLED = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n%sagain\r\n" % (FRED.encode(), FRIDA.encode(), _HEAD)


@pytest.fixture(params=["submission", "submissions", "smtp"])
def line(school: School, request: pytest.FixtureRequest):
    """A connection of Fred's in the middle of a message, on each of the listeners."""
    client = connect(school, request.param)
    client.login("fred.mustermann", PASSWORD)
    client.mail(FRED)
    client.rcpt(FRIDA)
    assert client.docmd("DATA")[0] == 354
    assert isinstance(client.sock, ssl.SSLSocket)
    with client.sock:
        yield Line(client.sock)


def told(line: Line) -> str:
    """The one reply to the message; the next one is to the NOOP behind it."""
    said = line.reply()
    line.send(b"NOOP\r\n")
    assert line.reply().startswith("250 "), "one message, one reply"
    return said


@pytest.mark.parametrize("end", MALFORMED, ids=repr)
def test_a_malformed_end_ends_nothing(school: School, line: Line, end: bytes) -> None:
    before = school.boxes("frida.lehrer")
    line.send(_HEAD + b"hello" + end + _SMUGGLED + b".\r\n")
    assert line.reply().startswith("550 5.6.0 ")
    assert line.reply() == "", "what came behind it is nothing to us"
    assert school.boxes("frida.lehrer") == before


@pytest.mark.parametrize("end", TEXT, ids=repr)
def test_what_only_looks_like_an_end_is_text(school: School, line: Line, end: bytes) -> None:
    before = set(school.boxes("frida.lehrer"))
    line.send(_HEAD + b"hello" + end + _SMUGGLED + b".\r\n")
    assert told(line).startswith("250 2.0.0 ")
    (path,) = set(school.boxes("frida.lehrer")) - before
    body = path.read_bytes().split(b"\r\n\r\n", 1)[1]
    unstuffed = (b"hello" + end + _SMUGGLED).replace(b"\r\n.", b"\r\n")
    assert body == unstuffed


@pytest.mark.parametrize("cut", range(1, 6))
def test_the_true_end_in_two_pieces(school: School, line: Line, cut: int) -> None:
    """Wherever the pieces are cut; what follows in the second is a command then, as a client may send it (RFC 2920)."""
    before = set(school.boxes("frida.lehrer"))
    end = b"\r\n.\r\n" + b"NOOP\r\n"
    line.send(_HEAD + b"hello" + end[:cut])
    line.settle()
    line.send(end[cut:])
    assert line.reply().startswith("250 2.0.0 ")
    assert line.reply().startswith("250 ")
    (path,) = set(school.boxes("frida.lehrer")) - before
    assert path.read_bytes().endswith(b"\r\n\r\nhello\r\n")


@pytest.mark.parametrize("end", [b"\r\n.\r", b"\r\n.", b"\r\n", b"\r", b"\n.\n", b""], ids=repr)
def test_a_client_that_leaves_at_the_very_end_has_sent_nothing(school: School, line: Line, end: bytes) -> None:
    before = school.boxes("frida.lehrer")
    line.send(_HEAD + b"hello" + end)
    line.close()
    tmp = school.data / "mail" / "frida.lehrer" / "tmp"
    with connect(school) as another:
        another.noop()
    eventually(lambda: not list(tmp.iterdir()))
    assert school.boxes("frida.lehrer") == before


def test_chunks_are_not_offered(school: School) -> None:
    """BDAT (RFC 3030) would be a second grammar of where a message ends."""
    with connect(school) as client:
        client.login("fred.mustermann", PASSWORD)
        assert not client.has_extn("chunking")
        client.mail(FRED)
        client.rcpt(FRIDA)
        code, text = client.docmd("BDAT 5 LAST")
        assert code in (500, 502) and text.startswith(b"5.5.")
