"""A tunnel begins with TLS for the site it was asked for (K13): over a name, to a public address of an internet."""

import contextlib
import os
import socket
import ssl
from pathlib import Path

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.load import descriptors
from tests.integration.proxy.outside import BOTH, BROKEN6, NAME, OTHER_NAME, SILENT, SITE6
from tests.integration.proxy.school import FRED, sign
from tests.integration.proxy.wire import all_recorded, ends_within, until, uses

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
LISTENING = "0A"
ALERT = bytes((21, 3, 3, 0, 2, 2, 49))


def hello(name):
    """A ClientHello of OpenSSL's; ``None``: without a name."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def in_records(data, size):
    """The same handshake in records of ``size`` bytes."""
    body = data[5:]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(data[:3] + len(part).to_bytes(2, "big") + part for part in parts)


def connect(client, name, more=b""):
    """Ask for a tunnel; nothing that comes after the answer is read."""
    client.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode() + more)
    assert client.recv(len(OPEN), socket.MSG_WAITALL) == OPEN


@pytest.fixture
def site(outside):
    with outside.listen(443) as listener:
        listener.settimeout(15)
        yield listener


def refused(outside):
    """How many tunnels of FRED to this site were refused, once that is recorded."""
    of_him = [use for use in uses(outside) if (use["host"], use["login"], use["outcome"]) == (NAME, FRED, "refused")]
    assert sum(use["up"] for use in of_him) == 0
    return sum(use["requests"] for use in of_him)


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_a_browser_speaks_with_the_site_itself(outside, site, port):
    with outside.connect(port) as client:
        if port == "proxy-tls":
            client = outside.context.wrap_socket(client, server_hostname="127.0.0.1")
        client.sendall(f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode())
        assert until(client, OPEN) == OPEN
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = outside.far_context.wrap_bio(incoming, outgoing, server_hostname=NAME)
        connection, _ = site.accept()
        with connection:
            connection.setblocking(False)
            far_in, far_out = ssl.MemoryBIO(), ssl.MemoryBIO()
            far = outside.far_side().wrap_bio(far_in, far_out, server_side=True)
            _shake(inner, incoming, outgoing, far, far_in, far_out, client, connection)
    assert inner.getpeercert()["subjectAltName"][0] == ("DNS", NAME)


def _shake(inner, incoming, outgoing, far, far_in, far_out, client, connection):
    """Both sides by hand, so that neither needs a thread."""
    client.settimeout(15)
    connection.settimeout(15)
    done = set()
    while len(done) < 2:
        for one, out, wire, other, into in (
            (inner, outgoing, client, connection, far_in),
            (far, far_out, connection, client, incoming),
        ):
            with contextlib.suppress(ssl.SSLWantReadError):
                one.do_handshake()
                done.add(one)
            said = out.read()
            wire.sendall(said)
            while said:
                came = other.recv(len(said))
                into.write(came)
                said = said[len(came) :]


@pytest.mark.parametrize("pieces", [1, 7, 10_000])
@pytest.mark.parametrize("records", [None, 1, 50])
def test_a_hello_arrives_whole_however_it_was_sent(outside, site, pieces, records):
    said = hello(NAME.upper())
    said = said if records is None else in_records(said, records)
    with outside.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connect(client, NAME)
        for at in range(0, len(said), pieces):
            client.sendall(said[at : at + pieces])
        connection, _ = site.accept()
        with connection:
            connection.settimeout(15)
            assert until(connection, said) == said
            connection.sendall(b"answer")
            assert until(client, b"answer") == b"answer"


def test_a_hello_that_was_sent_with_connect_arrives(outside, site):
    said = hello(NAME)
    with outside.connect() as client:
        connect(client, NAME, said)
        connection, _ = site.accept()
        with connection:
            connection.settimeout(15)
            assert until(connection, said) == said


def test_what_the_site_says_first_waits_for_the_hello(outside, site):
    with outside.connect() as client:
        connect(client, NAME)
        connection, _ = site.accept()
        with connection:
            connection.sendall(b"220 banner\r\n")
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.settimeout(15)
            client.sendall(hello(NAME))
            assert until(client, b"banner\r\n")


NONE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: www.seite.example\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "an empty record": b"\x16\x03\x01\x00\x00",
    "SSL 2": b"\x80\x2e\x01\x03\x01" + bytes(50),
    "zeros": bytes(1000),
    "one byte": b"\xff",
    "another name": hello(OTHER_NAME),
    "no name": hello(None),
    "a name below": hello(f"x.{NAME}"),
    "another name in pieces": in_records(hello(OTHER_NAME), 30),
    "two hellos": hello(OTHER_NAME) + hello(NAME),
}


@pytest.mark.parametrize("said", NONE.values(), ids=NONE)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_no_hello_for_this_site_reaches_nobody(outside, site, said, at_once):
    before = refused(outside)
    with outside.connect() as client:
        connect(client, NAME, said if at_once else b"")
        client.sendall(b"" if at_once else said)
        connection, _ = site.accept()
        with connection:
            connection.settimeout(15)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            assert until(client, ALERT) == ALERT
            assert ends_within(client, 5)
    eventually(lambda: refused(outside) == before + 1)
    for word in (NAME, OTHER_NAME, FRED):
        assert word not in outside.log.read_text()


def test_who_goes_before_the_hello_is_over_leaves_nothing_behind(outside, site):
    begin = all_recorded(outside)
    for end in (socket.socket.close, lambda one: one.shutdown(socket.SHUT_WR)):
        with outside.connect() as client:
            connect(client, NAME, hello(NAME)[:50])
            connection, _ = site.accept()
            with connection:
                end(client)
                assert ends_within(connection, 5)
    eventually(lambda: sum(use["requests"] for use in uses(outside, begin) if use["host"] == NAME) == 2)
    assert {use["outcome"] for use in uses(outside, begin) if use["host"] == NAME} == {"broken-off"}


def test_who_sends_no_hello_is_not_waited_for(outside, site):
    """It may take as long as a browser's connection without a request, 2 s here."""
    with outside.connect() as client:
        connect(client, NAME, hello(NAME)[:50])
        connection, _ = site.accept()
        with connection:
            assert ends_within(connection, 5)
            assert ends_within(client, 5)


def test_a_site_that_goes_before_the_hello(outside, site):
    with outside.connect() as client:
        connect(client, NAME)
        connection, _ = site.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        assert ends_within(client, 5)


def test_an_address_that_leads_nowhere_keeps_nobody_from_the_other_one(outside, site):
    """The first address answers nothing at all; 10 s are allowed for connecting (RFC 8305)."""
    with outside.connect(timeout=3.0) as client:
        connect(client, BROKEN6, hello(BROKEN6))
        with site.accept()[0] as connection:
            connection.settimeout(15)
            assert until(connection, hello(BROKEN6)[-1:])


def test_the_newer_protocol_comes_first_where_both_work(outside):
    with outside.listen(443, SITE6) as newer, outside.listen(443), outside.connect() as client:
        newer.settimeout(15)
        connect(client, BOTH)
        newer.accept()[0].close()


def test_a_port_that_is_closed_at_one_address_is_tried_at_the_other(outside, site):
    with outside.connect(timeout=3.0) as client:
        connect(client, BOTH)
        site.accept()[0].close()


def test_where_nobody_listens(outside):
    with outside.connect() as client:
        client.sendall(f"CONNECT {BOTH}:443 HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode())
        assert b" 502 " in until(client, b"</html>\n")


def connections(process):
    """How many connections over TCP the process has that are open."""
    tables = (Path(f"/proc/{process}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6"))
    rows = (line.split() for table in tables for line in table)
    open_ones = {f"socket:[{row[9]}]" for row in rows if row[3] != LISTENING}
    found = 0
    for link in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(link) in open_ones
    return found


def tried(outside, begin):
    return [use for use in uses(outside, begin) if use["host"] == SILENT]


@pytest.mark.parametrize("scheme", ["CONNECT stumm.example:443", "GET http://stumm.example/"])
def test_who_goes_while_a_site_is_tried_leaves_nothing_behind(outside, scheme):
    """It could be tried for 10 s: whoever asks and goes, again and again, must not fill the proxy with attempts."""
    assert SILENT in scheme
    workers = outside.proxy.children()
    eventually(lambda: not sum(map(connections, workers)))
    before = sum(map(descriptors, workers))
    begin = all_recorded(outside)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(outside.connect()) for _ in range(20)]
        for client in clients:
            client.sendall(f"{scheme} HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode())
        eventually(lambda: sum(map(descriptors, workers)) >= before + 40)
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    eventually(lambda: sum(map(descriptors, workers)) <= before)
    eventually(lambda: sum(use["requests"] for use in tried(outside, begin)) == 20)
    assert {use["outcome"] for use in tried(outside, begin)} == {"broken-off"}
