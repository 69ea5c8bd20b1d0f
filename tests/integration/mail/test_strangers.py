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
    lines = [socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) for _ in range(13)]
    try:
        greetings = [line.recv(200)[:4] for line in lines]
        assert greetings == [b"220 "] * 12 + [b"421 "]
    finally:
        for line in lines:
            line.close()
    eventually(lambda: _greeting(school) == b"220 ")


def test_idle_strangers_give_way(school: School) -> None:
    """From another address than the loopback's: six find room, the one that signed in and the newest five."""
    own = _own_address()
    signed_in = smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=20, source_address=(own, 0))
    signed_in.starttls(context=school.context)
    signed_in.login("fred.mustermann", PASSWORD)
    address = ("127.0.0.1", school.ports["submission"])
    lines = [socket.create_connection(address, 10, source_address=(own, 0)) for _ in range(7)]
    try:
        replies = [line.makefile("rb") for line in lines]
        assert [reply.readline()[:4] for reply in replies] == [b"220 "] * 7
        assert [reply.readline()[:9] for reply in replies[:2]] == [b"421 4.7.0"] * 2
        assert _greeting(school) == b"220 ", "the probe needs nobody's room"
        assert signed_in.noop()[0] == 250
        lines[-1].sendall(b"NOOP\r\n")
        assert replies[-1].readline()[:4] == b"250 "
    finally:
        for line in lines:
            line.close()
        signed_in.close()


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


def raw(school: School) -> ssl.SSLSocket:
    client = connect(school)
    client.login("fred.mustermann", PASSWORD)
    assert isinstance(client.sock, ssl.SSLSocket)
    client.mail(FRED)
    client.rcpt(FRIDA)
    client.docmd("DATA")
    return client.sock


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"])
def test_no_other_end_of_data_is_believed(school: School, end: bytes) -> None:
    before = school.boxes("frida.lehrer")
    head = b"From: " + FRED.encode() + b"\r\n\r\n"
    with raw(school) as line:
        smuggled = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n%sx\r\n.\r\n" % (FRED.encode(), FRIDA.encode(), head)
        line.sendall(head + b"hello" + end + smuggled)
        assert line.recv(1000).startswith(b"550 5.6.0 ")
        line.sendall(b"NOOP\r\n")
        assert line.recv(1000).startswith(b"250 "), "one message, one reply"
    assert school.boxes("frida.lehrer") == before


@pytest.mark.parametrize("command", [b"NOOP\n", b"NOOP\rNOOP\r\n", b"NOOP\n\r\n"])
def test_a_command_line_ends_with_crlf_only(school: School, command: bytes) -> None:
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        line.recv(200)
        line.sendall(command)
        assert line.recv(200).startswith(b"421 ")
        assert line.recv(200) == b""


def test_nothing_sent_before_tls_is_carried_into_it(school: School) -> None:
    with socket.create_connection(("127.0.0.1", school.ports["submission"]), 10) as line:
        line.recv(200)
        line.sendall(b"STARTTLS\r\nEHLO injected\r\nNOOP\r\n")
        assert line.recv(200).startswith(b"220 ")
        context = school.context
        context.check_hostname = False
        try:
            with context.wrap_socket(line) as safe:
                safe.settimeout(0.5)
                with pytest.raises((TimeoutError, ssl.SSLError)):
                    assert safe.recv(200) == b"no reply to what came before"
        except (ssl.SSLError, ConnectionError):
            pass  # the injected bytes broke the handshake, which is as good


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
    before = school.boxes("frida.lehrer")
    with raw(school) as line:
        line.sendall(b"From: " + FRED.encode() + b"\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20_000)
    tmp = school.settings.server.data / "mail" / "frida.lehrer" / "tmp"
    eventually(lambda: list(tmp.iterdir()) == [])
    assert school.boxes("frida.lehrer") == before
