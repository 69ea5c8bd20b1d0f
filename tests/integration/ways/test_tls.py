"""HTTPS of the WLAN: by the name in the hello, looked up anew; nothing is decrypted, and nothing goes on unnamed."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import struct
import time
from collections.abc import Iterator

import pytest

from tests.integration.proxy.wire import ends_within
from tests.integration.ways.town import (
    BLOCKED,
    CHOSEN,
    CHOSEN6,
    GOOD,
    HELLO_ID,
    LISTED,
    LISTED6,
    PHONE,
    Town,
    eventually,
)
from tests.unit.proxy.test_hello import extension, handshake, hello, names, outer, record

ALERT = bytes.fromhex("15030300020231")
"""access_denied."""
RAW = hello(names(b"raw.example"), extension(23, b""))


def curl(town: Town, name: str, *more: str, to: str = CHOSEN, port: int = 443) -> tuple[int, str]:
    """Exit status and page of curl on the phone, which trusts the sites and has another address for ``name``."""
    argv = ["curl", "--silent", "--max-time", "10", "--noproxy", "*", "--cacert", str(town.folder / "world" / "ca.pem")]
    argv += ["--resolve", f"{name}:{port}:[{to}]" if ":" in to else f"{name}:{port}:{to}"]
    done = town.net.phone.run(*argv, *more, f"https://{name}:{port}/x")
    return done.returncode, done.stdout


def said(town: Town, data: bytes, to: str = CHOSEN, port: int = 443) -> bytes:
    """What a phone is told that says ``data`` and no more."""
    with town.phone(to, port) as client:
        client.sendall(data)
        told = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(4096):
                told += piece
        return told


@contextlib.contextmanager
def heard(town: Town, connection: socket.socket) -> Iterator[tuple[bytes, socket.socket]]:
    """The site raw.example, once it is reached: what it hears first, and its end of the line."""
    connection.settimeout(10)
    far, _ = town.raw.accept()
    with far:
        far.settimeout(10)
        yield far.recv(65536), far


@pytest.mark.parametrize("chosen", [CHOSEN, CHOSEN6, GOOD])
def test_the_site_that_is_named_is_reached_and_nothing_is_decrypted(town, chosen):
    status, page = curl(town, "good.example", to=chosen)
    assert status == 0, "its own certificate is what curl has seen"
    assert json.loads(page)["at"] == GOOD
    assert "Via" not in page
    wanted = {"login": "", "address": PHONE, "host": "good.example", "port": 443, "way": "tls"}
    eventually(lambda: town.used(kind="web-used", **wanted))


def test_openssl_sees_the_certificate_of_the_site(town):
    argv = ["openssl", "s_client", "-connect", f"{CHOSEN}:443", "-servername", "Good.Example", "-showcerts"]
    assert (town.folder / "site" / "cert.pem").read_text().split("-----")[2] in town.net.phone.run(*argv).stdout


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_python(town, version):
    context = town.trusted
    context.minimum_version = context.maximum_version = version
    with (
        town.phone(CHOSEN, 443) as plain,
        context.wrap_socket(plain, server_hostname="good.example") as client,
    ):
        for path in ("/1", "/2"):
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: good.example\r\n\r\n".encode())
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert json.loads(answer.read())["path"] == path


def split(message: bytes, size: int) -> bytes:
    """The same handshake in records of ``size`` bytes."""
    return b"".join(record(message[at : at + size]) for at in range(0, len(message), size))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_hello_in_many_records_and_packets_arrives_as_it_was(town, size):
    data = split(handshake(names(b"raw.example"), extension(23, bytes(300))), size)
    with town.phone(CHOSEN, 443) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), size):
            client.sendall(data[at : at + size])
        with heard(town, client) as (came, far):
            assert came == data
            far.sendall(b"answer")
            assert client.recv(6) == b"answer"


@pytest.mark.parametrize(
    "data",
    [
        hello(),
        hello(extension(23, b"")),
        hello(names(b"good.example", b"other.example")),
        hello(names(b"good.example"), names(b"other.example")),
        hello(names(b"9.9.9.10")),
        hello(names(b"good.example\0.other.example")),
        hello(names(b"good.example"), extension(0xFFCE, bytes(300))),
        hello(names(b"front.example"), outer(HELLO_ID)),
        hello(names(b"cloudflare-ech.com"), outer(0)),
        hello(names(b"cloudflare-ech.com"), outer(255)),
        hello(outer(HELLO_ID ^ 1)),
        b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x80\x2e\1\0\2\0\x15\0\0\0\x10",
        record(b"\2" + handshake()[1:]),
        record(handshake(names(b"good.example")) * 2),
        b"\x16\3\1\xff\xff",
        b"\x17\3\3\0\1a",
        bytes(40_000),
    ],
)
def test_who_does_not_say_where_to_is_told_so_in_tls(town, data):
    before = town.heard.connections
    with town.refuses("no-name"):
        assert said(town, data) == ALERT
    assert town.heard.connections == before


@pytest.mark.parametrize(
    ("name", "config_id"), [(b"raw.example", HELLO_ID), (b"hidden.example", HELLO_ID), (b"front.example", HELLO_ID ^ 1)]
)
def test_noise_that_looks_like_an_encrypted_hello_passes(town, name, config_id):
    """A real one says the public name of a key; at a site that has such a key by another name it is noise."""
    data = hello(names(name), outer(config_id))
    with town.phone(CHOSEN, 443) as client:
        client.sendall(data)
        with heard(town, client) as (came, _far):
            assert came == data


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (BLOCKED, "closed-category"),
        ("other.example", "not-open"),
        ("six.example", "not-open"),
        ("inside.example", "inside"),
        ("server.example", "inside"),
        ("loop.example", "inside"),
        ("bought.example", "inside"),
        ("localhost", "inside"),
    ],
)
def test_what_is_closed_is_told_in_tls_and_recorded(town, name, reason):
    before = town.heard.connections
    with town.refuses(reason):
        assert said(town, hello(names(name.encode()))) == ALERT
    assert town.heard.connections == before


@pytest.mark.parametrize("name", ["none.example", "silent.example"])
def test_a_site_that_is_not_there(town, name):
    with town.refuses():
        assert said(town, hello(names(name.encode()))) == ALERT


@pytest.mark.parametrize(
    ("listed", "port"), [(LISTED, 443), (LISTED, 5223), (LISTED6, 443)], ids=["IPv4", "another port", "IPv6"]
)
def test_where_no_name_is_needed(town, listed, port):
    context = town.trusted
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with town.phone(listed, port) as plain, context.wrap_socket(plain) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert json.loads(answer.read())["at"] == listed
    eventually(lambda: town.used(kind="web-used", host=listed, port=port, way="tls"))


def test_at_another_port_the_address_counts_and_no_name(town):
    """Or who says a name there would be led to a port that he has not asked for."""
    for name in ("good.example", BLOCKED):
        status, page = curl(town, name, "--insecure", to=LISTED, port=5223)
        assert (status, json.loads(page)["at"]) == (0, LISTED)


def test_who_names_a_site_is_led_there_from_a_listed_place_too(town):
    assert json.loads(curl(town, "good.example", to=LISTED)[1])["at"] == GOOD
    with town.refuses("closed-category"):
        assert said(town, hello(names(BLOCKED.encode())), LISTED) == ALERT


@pytest.mark.parametrize("begin", [b"", RAW[:1], RAW[:-1]])
def test_who_says_nothing_is_not_waited_for(town, begin):
    with town.phone(CHOSEN, 443) as client:
        client.sendall(begin)
        assert ends_within(client, 3.0)


def test_who_goes_away_while_he_is_led_on_leaves_nothing(town):
    """A name, a site that does not answer, a reset: or one phone would take all descriptors."""
    begun = town.descriptors()
    for _ in range(5):
        lines = [town.phone(CHOSEN, port) for port in (443, 80) for _ in range(20)]
        for number, line in enumerate(lines):
            web = b"GET / HTTP/1.1\r\nHost: silent.example\r\n\r\n"
            line.sendall(hello(names(b"silent.example")) if number < 20 else web)
        eventually(lambda: town.descriptors() >= begun + 80)
        for line in lines:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.close()
        gone = time.monotonic()
        eventually(lambda: town.descriptors() <= begun + 4)
        assert time.monotonic() - gone < 1.0, "long before the site's time is over"


def test_a_reset_of_either_side_is_one_of_both(town):
    for first in (0, 1):
        with town.phone(CHOSEN, 443) as client:
            client.sendall(RAW)
            with heard(town, client) as (came, far):
                assert came == RAW
                ends = (client, far)
                ends[first].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                ends[first].close()
                assert ends_within(ends[1 - first], 3.0)


def test_bytes_go_both_ways(town):
    data = os.urandom(300_000)
    with town.phone(CHOSEN, 443) as client:
        client.sendall(RAW)
        with heard(town, client) as (_came, far):
            client.sendall(data)
            got = b""
            while len(got) < len(data):
                got += far.recv(65536)
            far.sendall(data[::-1])
            far.shutdown(socket.SHUT_WR)
            back = b""
            while piece := client.recv(65536):
                back += piece
            assert (got, back) == (data, data[::-1])
