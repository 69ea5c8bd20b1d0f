"""Clients that keep to no rule: idle ones, crowds, smuggled commands, broken TLS, lines without end."""

from __future__ import annotations

import contextlib
import select
import smtplib
import socket
import ssl
import struct
import time
from base64 import b64encode

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import FRED, FRIDA, connect
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD


def test_an_idle_client_is_told_and_closed(school: School, client: smtplib.SMTP) -> None:
    client.sock.settimeout(10.0)
    code, text = client.getreply()
    assert (code, text[:6]) == (421, b"4.4.2 ")


def test_connections_from_one_address_are_limited(school: School) -> None:
    def greetings() -> list[bytes]:
        with contextlib.ExitStack() as lines:
            address = ("127.0.0.1", school.ports["submission"])
            opened = [lines.enter_context(socket.create_connection(address, 10)) for _ in range(13)]
            return [line.recv(200)[:4] for line in opened]

    eventually(lambda: greetings() == [b"220 "] * 12 + [b"421 "])  # once those of tests before are gone
    eventually(lambda: _greeting(school) == b"220 ")


@pytest.mark.parametrize("listener", ["submission", "submissions", "smtp"])
@pytest.mark.parametrize("way", ["close", "half", "reset"])
def test_who_leaves_before_the_greeting_holds_no_room(school: School, listener: str, way: str) -> None:
    """There is room for twelve from one address."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", school.ports[listener]), 10) as line:
            if way == "reset":
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif way == "half":
                line.shutdown(socket.SHUT_WR)
                while line.recv(200):
                    pass
    eventually(lambda: _greeted(school, listener), 1.5, "long before anybody is idle")


def _greeted(school: School, listener: str) -> bool:
    with contextlib.suppress(smtplib.SMTPException), connect(school, listener, tls=False) as client:
        return client.noop()[0] == 250
    return False


def test_idle_strangers_give_way(school: School) -> None:
    """From another address than the loopback's: six find room, the one that signed in and the newest five."""
    own = _own_address()
    signed_in = smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=20, source_address=(own, 0))
    signed_in.starttls(context=school.context)
    signed_in.login("fred.mustermann", PASSWORD)
    address = ("127.0.0.1", school.ports["submission"])
    lines, replies = [], []
    try:
        for _ in range(7):
            lines.append(socket.create_connection(address, 10, source_address=(own, 0)))
            replies.append(lines[-1].makefile("rb"))
            assert replies[-1].readline()[:4] == b"220 "
        assert [reply.readline()[:9] for reply in replies[:2]] == [b"421 4.7.0"] * 2
        assert _greeting(school) == b"220 ", "the probe needs nobody's room"
        assert signed_in.noop()[0] == 250
        lines[-1].sendall(b"NOOP\r\n")
        assert replies[-1].readline()[:4] == b"250 "
    finally:
        for line in lines:
            line.close()
        signed_in.close()


def test_who_does_not_begin_tls_gives_way_too(school: School) -> None:
    own, address = _own_address(), ("127.0.0.1", school.ports["submissions"])
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(address, 10, source_address=(own, 0))) for _ in range(7)]
        with contextlib.suppress(ConnectionResetError):
            assert lines[0].recv(200) == b""
        client = smtplib.SMTP_SSL(*address, "pc12", timeout=10, context=school.context, source_address=(own, 0))
        assert stack.enter_context(client).noop()[0] == 250
        lines[-1].settimeout(0.1)
        with pytest.raises(TimeoutError):  # he has his time still
            lines[-1].recv(200)


def _own_address() -> str:
    """Give an address of this machine that is not the loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        try:
            line.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        return str(line.getsockname()[0])


def test_a_stranger_has_a_short_time_whatever_he_says(school: School) -> None:
    with smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=10) as client:
        client.ehlo()
        replies = []
        begun = time.monotonic()
        while not replies or replies[-1][0] == 250:
            assert time.monotonic() - begun < 8
            select.select([client.sock], [], [], 0.2)
            replies.append(client.ehlo())
        assert replies[-1][0] == 421 and replies[-1][1].startswith(b"4.4.2 ")


def _greeting(school: School) -> bytes:
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        return line.recv(200)[:4]


def test_attempts_to_sign_in_are_limited(school: School) -> None:
    with connect(school) as client:
        wrong = b64encode(b"fred").decode()
        replies = [client.docmd("AUTH PLAIN", wrong)[0] for _ in range(6)]
    assert replies == [501] * 5 + [421]


def test_each_wrong_password_costs_more_time_than_the_one_before(school: School) -> None:
    wrong, times = b64encode(b"\0nobody.atall\0wrong").decode(), []
    with connect(school) as client:
        for _ in range(3):
            begun = time.monotonic()
            assert client.docmd("AUTH PLAIN", wrong)[0] == 535
            times.append(time.monotonic() - begun)
    assert times[0] >= 0.25 and times[1] >= 0.5 and times[2] >= 1.0


def raw(school: School) -> ssl.SSLSocket:
    client = connect(school)
    client.login("fred.mustermann", PASSWORD)
    assert isinstance(client.sock, ssl.SSLSocket)
    client.mail(FRED)
    client.rcpt(FRIDA)
    client.docmd("DATA")
    return client.sock


@pytest.mark.parametrize("command", [b"NOOP\n", b"NOOP\rNOOP\r\n", b"NOOP\n\r\n"])
def test_a_command_line_ends_with_crlf_only(school: School, command: bytes) -> None:
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        line.recv(200)
        line.sendall(command)
        assert line.recv(200).startswith(b"421 ")
        assert line.recv(200) == b""


@pytest.mark.parametrize("listener", ["submission", "smtp"])
def test_nothing_sent_before_tls_is_carried_into_it(school: School, listener: str) -> None:
    """Who sends on in clear behind STARTTLS, or somebody between, is shown the door (RFC 3207 4.2)."""
    with socket.create_connection(("127.0.0.1", school.ports[listener]), 10) as line:
        line.recv(200)
        line.sendall(b"STARTTLS\r\nEHLO injected\r\nNOOP\r\n")
        assert line.recv(200).startswith(b"554 5.5.0 ")
        assert line.recv(200) == b""


@pytest.mark.parametrize("listener", ["submission", "smtp"])
@pytest.mark.parametrize("said", [b"EHLO early\r\n", b"E", b"\r\n", b"\x16\x03\x01"])
def test_who_talks_before_the_greeting_is_shown_the_door(school: School, listener: str, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", school.ports[listener]), 10) as line:
        line.sendall(said)
        assert line.recv(200).startswith(b"554 5.5.0 ")
        assert line.recv(200) == b""


def test_with_tls_at_once_too(school: School) -> None:
    with socket.create_connection(("127.0.0.1", school.ports["submissions"]), 10) as raw_line:
        context = school.context
        with context.wrap_socket(raw_line, server_hostname="localhost") as line:
            line.sendall(b"EHLO early\r\n")
            assert line.recv(200).startswith(b"554 5.5.0 ")


@pytest.mark.parametrize("way", ["garbage", "clear", "half", "reset", "silent"])
def test_a_failed_beginning_of_tls_is_no_error_of_ours(school: School, way: str) -> None:
    before = school.log.read_text()
    with socket.create_connection(("127.0.0.1", school.ports["submissions"]), 10) as line:
        if way == "reset":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.sendall(b"\x16\x03\x01")
        else:
            line.sendall({"garbage": b"\0" * 999, "clear": b"EHLO x\r\n", "half": b"\x16\x03\x01\x02"}.get(way, b""))
            if way == "half":
                line.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):  # silent: the time of a stranger is up
                while line.recv(200):
                    pass
    with connect(school, "submissions") as client:
        assert client.noop()[0] == 250
    assert "error" not in school.log.read_text().removeprefix(before)


@pytest.mark.parametrize("way", ["garbage", "half", "reset", "distrust", "plain"])
def test_a_failed_handshake_is_no_error_of_ours(school: School, way: str) -> None:
    before = school.log.read_text()
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        line.recv(200)
        line.sendall(b"STARTTLS\r\n")
        assert line.recv(200).startswith(b"220 ")
        if way == "distrust":
            with pytest.raises(ssl.SSLCertVerificationError):
                ssl.create_default_context().wrap_socket(line, server_hostname="localhost")
        elif way == "reset":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.sendall(b"\x16\x03\x01")
        else:
            line.sendall({"garbage": b"\0" * 999, "half": b"\x16\x03\x01\x02", "plain": b"EHLO x\r\n"}[way])
            if way == "half":
                line.shutdown(socket.SHUT_WR)
            while line.recv(200):
                pass
    assert _greeting(school) == b"220 "
    assert "error" not in school.log.read_text().removeprefix(before)


def test_who_sends_a_line_without_end_reads_the_reply(school: School) -> None:
    for _ in range(8):  # closing too early loses it in some of the cases only
        with contextlib.closing(connect(school)) as client:
            assert client.docmd("NOOP " + "x" * 100_000)[0] == 421


def test_a_client_that_leaves_in_the_middle_leaves_nothing(school: School) -> None:
    before = sorted(school.data.rglob("*"))
    with raw(school) as line:
        line.sendall(b"From: " + FRED.encode() + b"\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20_000)
    eventually(lambda: sorted(school.data.rglob("*")) == before)
