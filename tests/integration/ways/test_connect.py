"""Ways round, with a password: what CONNECT leads to, where a name or a port leads, and what a tunnel begins with."""

import contextlib
import json
import socket

import pytest

from tests.integration.proxy.school import answer, sign
from tests.integration.proxy.wire import until
from tests.integration.support_parts import PASSWORD
from tests.integration.support_place import DOMAIN
from tests.integration.ways.test_tls import ALERT, split
from tests.integration.ways.town import ANNA, BLOCKED, FRED, GOOD, HELLO, HELLO_ID, MARIA, PC, SERVER, Town, eventually
from tests.unit.proxy.test_hello import extension, handshake, hello, names, outer, record


@contextlib.contextmanager
def proxy(town: Town, said: str, login: str = FRED):
    """A line of the phone to the encrypted port, over which it has ``said`` this and who it is."""
    with town.phone(SERVER, 3129) as plain, town.context.wrap_socket(plain, server_hostname=DOMAIN) as client:
        client.sendall(f"{said} HTTP/1.1\r\nHost: a\r\n{sign(login)}\r\n".encode())
        yield client


def refused(town: Town, said: str, login: str = FRED) -> int:
    before = town.heard.connections
    with proxy(town, said, login) as client:
        status, _page = answer(client)
    assert town.heard.connections == before
    return status


def curl(town: Town, url: str, *more: str) -> tuple[int, str]:
    argv = ["curl", "--silent", "--max-time", "10", "--cacert", str(town.folder / "world" / "ca.pem"), "--noproxy", ""]
    argv += [
        "--proxy",
        f"https://{DOMAIN}:3129",
        "--proxy-cacert",
        str(town.ca),
        "--resolve",
        f"{DOMAIN}:3129:{SERVER}",
    ]
    done = town.net.phone.run(*argv, "--proxy-user", f"{FRED}:{PASSWORD}", *more, url)
    return done.returncode, done.stdout


@pytest.mark.parametrize("url", ["https://good.example/x", "http://good.example/x", "https://GOOD.example./x"])
def test_curl(town, url):
    status, page = curl(town, url)
    assert (status, json.loads(page)["at"]) == (0, GOOD)
    way = "connect" if url.startswith("https") else "http"
    eventually(lambda: town.used(kind="web-used", login=FRED, host="good.example", way=way))


@pytest.mark.parametrize("target", ["22", "80", "3128", "65535"])
def test_tunnels_go_to_one_port(town, target):
    with town.refuses("closed-port"):
        assert refused(town, f"CONNECT good.example:{target}") == 403


@pytest.mark.parametrize("port", [22, 3128, 8080])
def test_http_goes_to_two_ports(town, port):
    with town.refuses("closed-port"):
        assert refused(town, f"GET http://good.example:{port}/") == 403


@pytest.mark.parametrize("name", ["inside.example", "loop6.example", "nat.example", "bought.example", "localhost"])
def test_names_that_lead_inside(town, name):
    with town.refuses("inside", "inside"):
        assert refused(town, f"CONNECT {name}:443") == 403
        assert refused(town, f"GET http://{name}/") == 403


@pytest.mark.parametrize(
    ("host", "login", "reason"),
    [
        (GOOD, FRED, "closed-category"),
        ("151587082", FRED, "closed-category"),
        ("0x09.9.9.012", FRED, "closed-category"),
        ("[2620:fe::10]", FRED, "closed-category"),
        ("[::ffff:9.9.9.10]", FRED, "closed-category"),
        (BLOCKED, FRED, "closed-category"),
        (f"WWW.{BLOCKED}.", FRED, "closed-category"),
        ("other.example", FRED, "not-open"),
        (PC, MARIA, "inside"),
        (SERVER, MARIA, "inside"),
        ("127.0.0.1", MARIA, "inside"),
        ("[::1]", MARIA, "inside"),
        ("[::ffff:10.1.12.9]", MARIA, "inside"),
        ("[64:ff9b::10.1.12.9]", MARIA, "inside"),
        ("[2002:0a01:0c09::1]", MARIA, "inside"),
        ("[::10.1.12.9]", MARIA, "inside"),
        ("9.9.8.7", MARIA, "inside"),
    ],
)
def test_addresses_and_what_is_closed(town, host, login, reason):
    with town.refuses(reason, reason):
        assert refused(town, f"CONNECT {host}:443", login) == 403
        assert refused(town, f"GET http://{host}/", login) == 403


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "017700000001", "10.1.3081", "0"])
def test_spellings_of_addresses_are_looked_up_as_names_and_there_are_none(town, host):
    with town.refuses():
        assert refused(town, f"CONNECT {host}:443", MARIA) == 502
        assert refused(town, f"GET http://{host}/", MARIA) == 502


@contextlib.contextmanager
def tunnel(town: Town, name: str = "raw.example", login: str = FRED):
    """Both ends of a tunnel that stands, in which nothing was said yet."""
    with proxy(town, f"CONNECT {name}:443", login) as client:
        assert b" 200 " in until(client, b"\r\n\r\n")
        far, _ = town.raw.accept()
        with far:
            far.settimeout(10)
            yield client, far


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("raw.example", hello()),
        ("raw.example", hello(names(b"good.example"))),
        ("raw.example", hello(names(b"www.raw.example"))),
        ("raw.example", hello(names(b"raw.example"), names(b"raw.example"))),
        ("raw.example", hello(names(b"raw.example"), extension(0xFFCE, bytes(300)))),
        ("front.example", hello(names(b"front.example"), outer(HELLO_ID))),
        ("cloudflare-ech.com", hello(names(b"cloudflare-ech.com"), outer(3))),
        ("raw.example", record(handshake(names(b"raw.example")) * 2)),
        ("raw.example", b"GET / HTTP/1.1\r\nHost: raw.example\r\n\r\n"),
        ("raw.example", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("raw.example", b"\0"),
        ("raw.example", bytes(40_000)),
    ],
)
def test_a_tunnel_for_something_else_carries_nothing(town, name, data):
    with town.refuses("other-name"), tunnel(town, name) as (client, far):
        client.sendall(data)
        assert until(client, ALERT) == ALERT
        with contextlib.suppress(ConnectionResetError):
            assert far.recv(1) == b""
    eventually(lambda: town.used(kind="web-used", login=FRED, host=name, way="connect", outcome="refused", up=0))


@pytest.mark.parametrize(
    "data",
    [
        HELLO,
        hello(names(b"RAW.example."), outer(HELLO_ID ^ 1)),
        split(handshake(names(b"raw.example"), extension(23, bytes(300))), 50),
    ],
    ids=["plain", "noise", "in records"],
)
def test_a_tunnel_for_the_site_that_was_asked_for_carries_what_was_said(town, data):
    with tunnel(town) as (client, far):
        for at in range(0, len(data), 33):
            client.sendall(data[at : at + 33])
        came = b""
        while len(came) < len(data):
            came += far.recv(4096)
        assert came == data
        far.sendall(b"answer")
        assert client.recv(6) == b"answer"


def test_a_tunnel_to_an_address_names_nobody(town):
    with tunnel(town, "9.9.9.12", MARIA) as (client, far):
        client.sendall(hello())
        assert far.recv(4096) == hello()
    with town.refuses("other-name"), tunnel(town, "9.9.9.12", MARIA) as (client, far):
        client.sendall(HELLO)
        assert until(client, ALERT) == ALERT


def test_nobody_reaches_a_port_of_the_proxy_that_is_not_his(town):
    for port in (3128, 3130, 3131):
        with pytest.raises((ConnectionRefusedError, TimeoutError)):
            town.phone(SERVER, port, 2.0)


# the plain port, from another machine


def plain(town: Town, *fields: str) -> bytes:
    """What a PC gets at the plain port."""
    pc = town.net.pc
    with pc.within(lambda: socket.create_connection((SERVER, 3128), 10)) as client:
        client.sendall("\r\n".join(["GET http://good.example/ HTTP/1.0", *fields, "", ""]).encode())
        data = b""
        while piece := client.recv(65536):
            data += piece
        return data


def test_a_password_in_clear_is_refused_and_never_looked_at(town):
    for fields in ((), (sign(ANNA).strip(),), (sign(ANNA, "wrong").strip(),)):
        head = plain(town, *fields)
        assert head.startswith(b"HTTP/1.1 403 ")
        assert b"roxy-Authenticate" not in head
    with (
        town.net.pc.within(lambda: socket.create_connection((SERVER, 3129), 10)) as line,
        town.context.wrap_socket(line, server_hostname=DOMAIN) as client,
    ):
        client.sendall(f"GET http://good.example/ HTTP/1.0\r\n{sign(ANNA)}\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
    eventually(lambda: town.used(kind="sign-in", address=PC))
    assert [(one["login"], one["outcome"]) for one in town.used(kind="sign-in", address=PC)] == [(ANNA, "verified")]


def test_who_owns_the_machine_passes_without_a_sign_in(town):
    town.publish(owners=town.own(FRED, PC))
    eventually(lambda: plain(town).startswith(b"HTTP/1.1 200 "))
    eventually(lambda: town.used(kind="web-used", login=FRED, address=PC, host="good.example"))
    assert town.used(kind="sign-in", login=FRED, address=PC, way="address", outcome="verified") != []
    town.publish()
    eventually(lambda: plain(town).startswith(b"HTTP/1.1 403 "))


def test_tickets_are_offered_where_they_can_be_taken(town):
    keytab = town.settings.server.state / "proxy" / "krb5.keytab"
    keytab.write_bytes(b"\5\2")
    try:
        head = plain(town)
        assert head.startswith(b"HTTP/1.1 407 ")
        assert b"\r\nProxy-Authenticate: Negotiate\r\n" in head
        assert b"Basic" not in head
        assert plain(town, sign(MARIA).strip()).startswith(b"HTTP/1.1 403 ")
        assert plain(town, "Proxy-Authorization: Negotiate AAAA").startswith(b"HTTP/1.1 407 ")
    finally:
        keytab.unlink()
    assert b"egotiate" not in plain(town)


def test_the_machine_itself_is_asked_for_a_password(town):
    for address in ("127.0.0.1", "::1"):
        place = (address, 3128)
        with town.net.server.within(lambda place=place: socket.create_connection(place, 10)) as client:
            client.sendall(b"GET http://good.example/ HTTP/1.0\r\n\r\n")
            status, rest = answer(client)
            assert (status, b"\r\nProxy-Authenticate: Basic " in b"\r\n" + rest) == (407, True)
