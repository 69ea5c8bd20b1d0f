"""Bytes that no well-behaved program sends, and origins that misbehave."""

import contextlib
import socket
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import connect
from appliance.policy.account import Lock, Service
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.probe_web import probe_web
from tests.integration.mail.school import wait_for
from tests.integration.proxy.school import FRED, LIMIT, OTHER, PASSWORD, PROBE, School, answer, sign


def ask(school: School, data: str | bytes, port: str = "proxy"):
    with school.connect(port) as client:
        client.sendall(data if isinstance(data, bytes) else data.encode())
        return answer(client)


def raw(school: School, *fields: str, method: str = "GET", minor: int = 1, body: str = "") -> str:
    lines = [
        f"{method} http://127.0.0.1:{school.raw_site}/x HTTP/1.{minor}",
        "Host: a",
        sign().strip(),
        *fields,
        "",
        body,
    ]
    return "\r\n".join(lines)


@contextlib.contextmanager
def asked(school: School):
    """The connection that the proxy opens to the raw site, and the head it sent."""
    connection, _ = school.raw.accept()
    with connection:
        connection.settimeout(15)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            assert piece
            head += piece
        yield connection, head


def until(connection: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    return data


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\nHost: a\n\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET http://a/ HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (f"GET http://a/{'x' * 9000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (f"GET http://a/ HTTP/1.1\r\nHost: a\r\nA: {'x' * 40000}\r\n\r\n", 431),
        ("\x16\x03\x01\x00\n", 400),
    ],
)
@pytest.mark.parametrize("port", ["proxy"])
def test_heads_that_are_refused(school, data, status, port):
    assert ask(school, data, port)[0] == status


def test_a_slow_head_is_not_waited_for(school):
    began = time.monotonic()
    with school.connect() as client:
        client.sendall(b"GET http://a/ HT")
        assert answer(client)[0] == 0
    assert time.monotonic() - began < 4


def test_the_origin_sees_a_head_written_anew(school):
    with school.connect() as client:
        client.sendall(raw(school, "Connection: close, X-Private", "X-Private: 1", "X-Kept: \xe4").encode("latin-1"))
        with asked(school) as (origin, head):
            assert head == (
                f"GET /x HTTP/1.1\r\nHost: 127.0.0.1:{school.raw_site}\r\nX-Kept: \xe4\r\nVia: 1.1 schoolserver\r\n\r\n"
            ).encode("latin-1")
            origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        status, rest = answer(client)
    assert status == 200
    assert rest.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 407 Sign in\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
    ],
)
def test_answers_that_are_none(school, sent):
    with school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school) as (origin, _head):
            origin.sendall(sent)
        assert answer(client)[0] == 502


def test_an_origin_that_says_nothing(school):
    with school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school):
            assert answer(client)[0] == 504


def test_a_cut_answer_shows(school):
    for sent in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ):
        with school.connect() as client:
            client.sendall(raw(school).encode())
            with asked(school) as (origin, _head):
                origin.sendall(sent)
            status, rest = answer(client)
            assert status in (0, 200)  # the reset may overtake what was sent
            assert not rest.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("minor", [0, 1])
def test_chunks_and_an_answer_without_length(school, minor):
    for sent in (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nabcde",
    ):
        with school.connect() as client:
            client.sendall(raw(school, "Connection: close", minor=minor).encode())
            with asked(school) as (origin, _head):
                origin.sendall(sent)
            status, rest = answer(client)
        head, _, body = rest.partition(b"\r\n\r\n")
        assert status == 200
        if b"chunked" in head:
            assert minor == 1
            assert body.endswith(b"0\r\n\r\n")
        else:
            assert body == b"abcde"


def test_an_endless_answer_ends_at_the_limit(school):
    for chunked in (True, False):
        with school.connect() as client:
            client.sendall(raw(school).encode())
            with asked(school) as (origin, _head):
                origin.sendall(b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n"))
                piece = bytes(50_000)
                sending = threading.Thread(
                    target=_flood, args=(origin, b"c350\r\n%s\r\n" % piece if chunked else piece)
                )
                sending.start()
                _, body = answer(client)
                sending.join(15)
                assert not sending.is_alive()
        assert len(body) <= LIMIT * 1.01
        assert not body.endswith(b"\r\n0\r\n\r\n")


def _flood(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        for _ in range(LIMIT * 2 // 50_000):
            connection.sendall(data)


def test_pipelined_requests_are_answered_in_order(school):
    one = f"GET http://127.0.0.1:{school.site}/bytes/%d HTTP/1.1\r\nHost: a\r\n{sign()}%s\r\n"
    with school.connect() as client:
        client.sendall((one % (1, "") + one % (2, "") + one % (3, "Connection: close\r\n")).encode())
        status, rest = answer(client)
    assert status == 200
    assert rest.count(b"HTTP/1.1 200 OK") == 2
    assert [part[:1] for part in rest.split(b"Content-Length: ")[1:]] == [b"1", b"2", b"3"]


def test_a_refusal_keeps_the_connection(school):
    with school.connect() as client:
        for _ in range(3):
            client.sendall(f"GET http://127.0.0.1:{school.site}/ HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert b" 407 " in until(client, b"</html>\n")
        client.sendall(f"GET http://127.0.0.1:{school.site}/bytes/3 HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode())
        assert b" 200 " in until(client, b"Mus")


def test_a_kept_origin_that_went_away_is_asked_again(school):
    request = raw(school).encode()
    with school.connect() as client:
        for number in range(2):
            client.sendall(request)
            with asked(school) as (origin, _head):
                origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
                until(client, b"\r\n\r\n%d" % number)


def test_expect_100(school):
    with school.connect() as client:
        client.sendall(raw(school, "Expect: 100-continue", "Content-Length: 3", method="POST").encode())
        with asked(school) as (origin, head):
            assert b"Expect: 100-continue\r\n" in head
            origin.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
            client.sendall(b"abc")
            assert origin.recv(10) == b"abc"
            origin.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 204 ")


def tunnel(school: School, client: socket.socket) -> None:
    client.sendall(f"CONNECT 127.0.0.1:{school.raw_site} HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode())
    assert b" 200 " in until(client, b"\r\n\r\n")


@contextlib.contextmanager
def open_tunnel(school: School, port: str = "proxy"):
    with school.connect(port) as client:
        if port == "proxy-tls":
            client = school.context.wrap_socket(client, server_hostname="127.0.0.1")
        tunnel(school, client)
        connection, _ = school.raw.accept()
        with connection, client:
            connection.settimeout(15)
            yield client, connection


def ends_within(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_a_tunnel_carries_bytes_both_ways_and_ends_with_either(school, port):
    for side in (0, 1):
        with open_tunnel(school, port) as ends:
            data = bytes(range(256)) * 2000
            for sender, taker in (ends, ends[::-1]):
                sending = threading.Thread(target=sender.sendall, args=(data,))
                sending.start()
                came = b""
                while len(came) < len(data):
                    came += taker.recv(65536)
                sending.join()
                assert came == data
            ends[side].close()
            assert ends_within(ends[1 - side], 5)


def test_what_is_sent_with_connect_arrives(school):
    with school.connect() as client:
        client.sendall(f"CONNECT 127.0.0.1:{school.raw_site} HTTP/1.1\r\nHost: a\r\n{sign()}\r\nearly".encode())
        connection, _ = school.raw.accept()
        with connection:
            assert connection.recv(5) == b"early"


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_a_lock_ends_tunnels_within_two_seconds(school, port):
    with open_tunnel(school, port) as (client, connection):
        school.publish(fred__mustermann={"locks": (Lock(Service.WEB, datetime.now(UTC), None),)})
        assert ends_within(client, 2.0)
        assert ends_within(connection, 2.0)
    status, page = ask(school, raw(school, "Connection: close"))
    assert status == 403
    assert b"gesperrt" in page or b"locked" in page
    wait_for(lambda: '"kind":"session-ended"' in school.used)


def test_a_lock_that_begins_later_is_on_time(school):
    with open_tunnel(school) as (client, _):
        at = datetime.now(UTC) + timedelta(seconds=1.5)
        school.publish(fred__mustermann={"locks": (Lock(None, at, None),)})
        assert not ends_within(client, 0.8)
        assert ends_within(client, 2.7)


def test_must_change_ends_a_download(school):
    with school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school) as (origin, _head):
            origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            until(client, b"abc")
            school.publish(fred__mustermann={"must_change": True})
            assert ends_within(client, 2.0)


def test_a_changed_password_ends_what_is_open_and_what_is_remembered(school):
    passwords = connect(replace(school.settings), "auth")
    with open_tunnel(school) as (client, _):
        passwords.set_password(FRED, Secret(OTHER), must_change=False)
        try:
            school.publish(fred__mustermann={"password_changed_at": datetime.now(UTC)})
            assert ends_within(client, 2.0)
            assert ask(school, raw(school, "Connection: close"))[0] == 407
        finally:
            passwords.set_password(FRED, Secret(PASSWORD), must_change=False)
            passwords.close()


def test_limits_change_while_a_tunnel_is_open(school):
    with open_tunnel(school) as (client, connection):
        client.sendall(bytes(200_000))
        left = 200_000
        while left:
            left -= len(connection.recv(left))
        school.publish(limits=LimitTable(Limits(1000, 1000)))
        wait_for(lambda: _denied(school))
        with contextlib.suppress(OSError):
            client.sendall(bytes(1000))
        assert ends_within(client, 2.0)


def _denied(school: School) -> bool:
    return ask(school, f"GET http://127.0.0.1:{school.site}/bytes/2000 HTTP/1.0\r\n{sign()}\r\n")[0] == 403


def test_too_many_connections_from_one_address(school):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(school.connect()) for _ in range(42)]
        assert answer(clients[-1])[0] == 503


def test_auth_away_is_not_a_refusal_and_who_is_remembered_goes_on(school):
    signed = f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n%s\r\n"
    assert ask(school, signed % sign())[0] == 200
    school.auth.stop()
    try:
        assert ask(school, signed % sign())[0] == 200
        with school.connect() as client:
            client.sendall((signed % sign("maria.lehrer")).encode())
            school.auth.start()
            assert answer(client)[0] in (200, 503)
    finally:
        if school.auth.process.poll() is not None:
            school.auth.start()


def test_a_restart_refuses_no_connection(school):
    school.proxy.stop()
    with school.connect() as client:
        client.sendall(f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n{sign()}\r\n".encode())
        school.proxy.start()
        assert answer(client)[0] == 200


def test_who_was_taken_in_just_before_the_end_is_answered(school):
    """The idle connection ends at once and shows that the stop has begun; only then the others ask."""
    question = f"GET http://127.0.0.1:{school.site}/ HTTP/1.1\r\nHost: a\r\n"
    try:
        with contextlib.ExitStack() as stack:
            idle = stack.enter_context(school.connect())
            idle.sendall(f"{question}\r\n".encode())
            until(idle, b"</html>\n")
            fresh = [stack.enter_context(school.connect()) for _ in range(4)]
            idle.sendall(f"{question}\r\n".encode())
            until(idle, b"</html>\n")
            school.proxy.process.send_signal(15)
            assert ends_within(idle, 5.0)
            for one in fresh:
                one.sendall(f"{question}{sign()}\r\n".encode())
            assert [answer(one)[0] for one in fresh] == [200] * 4
        assert school.proxy.process.wait(15) == 0
    finally:
        school.proxy.stop()
        school.proxy.start()


def test_a_reload_takes_new_lists_and_certificates(school):
    games = school.folder / "lists" / "games" / "domains"
    before = games.read_text()
    request = f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n{sign()}\r\n"
    try:
        games.write_text(f"{before}127.0.0.1\n")
        school.proxy.process.send_signal(1)
        wait_for(lambda: ask(school, request)[0] == 403)
    finally:
        games.write_text(before)
        school.proxy.process.send_signal(1)
    wait_for(lambda: ask(school, request)[0] == 200)


def test_the_probe(school):
    listen = {
        name: replace(school.settings.network.listen[name], host="127.0.0.1", port=port)
        for name, port in school.ports.items()
    }
    settings = replace(school.settings, network=replace(school.settings.network, listen=listen))
    visitor = Visitor(settings, PROBE, Secret(PASSWORD), 5.0, school.ca)
    probe_web(visitor)
    with pytest.raises(WrongPassword):
        probe_web(replace(visitor, password=Secret(OTHER), timeout=1.0))
    school.proxy.stop()
    try:
        with pytest.raises(ProbeFailed) as caught:
            probe_web(replace(visitor, timeout=1.0))
        assert caught.value.unit == "proxy"
    finally:
        school.proxy.start()
