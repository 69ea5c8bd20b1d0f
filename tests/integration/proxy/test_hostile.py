"""Ways to carry more than the limit past it, and to make the proxy keep more than it must."""

import contextlib
import itertools
import select
import socket
import time

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.load import rss
from tests.integration.proxy.school import answer, sign
from tests.integration.proxy.wire import all_recorded, asked, ends_within, raw, uses
from tests.integration.support_parts import LIMIT


def test_a_part_of_what_is_too_large_is_too_large(school):
    for size, status in ((LIMIT + 1, 403), (LIMIT, 206)):
        with school.connect() as client:
            client.sendall(raw(school, "Range: bytes=0-1", path="part").encode())
            with asked(school) as (origin, head):
                assert b"Range: bytes=0-1\r\n" in head
                part = f"HTTP/1.1 206 Part\r\nContent-Length: 2\r\nContent-Range: bytes 0-1/{size}\r\n\r\nab"
                origin.sendall(part.encode())
                found, rest = answer(client)
        assert found == status
        assert rest.endswith(b"ab") == (status == 206)


def test_heads_before_the_answer_count(school):
    interim = b"HTTP/1.1 103 Early\r\nLink: " + b"x" * 30_000 + b"\r\n\r\n"
    begin = all_recorded(school)
    with school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school) as (origin, _head), contextlib.suppress(OSError):
            for _ in range(2 * LIMIT // len(interim)):
                origin.sendall(interim)
            origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        _, rest = answer(client)
    assert len(rest) < LIMIT * 1.1
    assert b"HTTP/1.1 200 " not in rest
    eventually(lambda: [use["outcome"] for use in uses(school, begin) if use["down"] > LIMIT] == ["refused"])


def test_a_site_that_answers_for_now_and_never_for_good(school):
    with school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school) as (origin, _head), contextlib.suppress(OSError):
            for _ in range(200):
                origin.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
        _, rest = answer(client)
    assert rest.count(b"HTTP/1.1 102 ") == 99
    assert b"HTTP/1.1 502 " in rest


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_any_number_of_requests_in_one_piece_is_answered(school, port):
    """More than are served in one turn, and nothing comes after them that would wake the proxy."""
    with school.connect(port) as client:
        if port == "proxy-tls":
            client = school.context.wrap_socket(client, server_hostname="127.0.0.1")
        client.sendall(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
        said = b""
        for _ in range(200):
            while b"</html>\n" not in said:
                said += client.recv(65536)
            said = said.partition(b"</html>\n")[2]
        assert said == b""


def test_who_asks_on_and_reads_nothing_fills_no_memory(school):
    """Each of these requests has an answer forty times its size: the proxy stops to read when nobody takes those."""
    (worker,) = school.proxy.children()
    before, sent = rss(worker), 0
    with school.connect() as client:
        client.setblocking(False)
        while sent < 16_000_000 and select.select([], [client], [], 0.5)[1]:
            sent += client.send(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" * 1000)
        assert sent < 16_000_000
        assert rss(worker) - before < 8_000_000


@pytest.mark.parametrize(
    "said",
    [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_a_site_says_unasked_is_no_answer_to_the_next_request(school, said):
    with school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school) as (origin, _head):
            origin.sendall(f"{said}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray".encode())
            client.sendall(raw(school, "Connection: close").encode())
            with asked(school) as (another, _head):
                another.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
                _, rest = answer(client)
    assert rest.endswith(b"\r\n\r\nmine")
    assert b"stray" not in rest


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
@pytest.mark.parametrize(
    "piece", [b"a" * 65536, b"X: y\r\n" * 10_000, b"\r\n" * 30_000], ids=["one line", "many fields", "empty lines"]
)
def test_a_head_of_eight_mib_is_refused_long_before_its_end(school, port, piece):
    (worker,) = school.proxy.children()
    before = rss(worker)
    with school.connect(port) as client:
        if port == "proxy-tls":
            client = school.context.wrap_socket(client, server_hostname="127.0.0.1")
        with contextlib.suppress(OSError):
            client.sendall(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n")
            for _ in range(8 * 1024 * 1024 // len(piece)):
                client.sendall(piece)
        assert answer(client)[0] in (0, 400, 407, 431)  # after the first empty line, all else is not its head
    assert rss(worker) - before < 2_000_000


def test_heads_that_come_slowly_do_not_keep_their_connections(school):
    """Each byte comes in time, the head does not: 1 s here."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(school.connect()) for _ in range(30)]
        open_ = dict.fromkeys(clients)
        end = time.monotonic() + 10
        for byte in itertools.cycle(b"GET http://a/ HTTP/1.1\r\nHost: a\r\nA: aaaaaaaaaa"):
            for one in list(open_):
                try:
                    one.sendall(bytes((byte,)))
                except OSError:
                    del open_[one]
            if not open_:
                break
            assert time.monotonic() < end
            select.select(list(open_), [], [], 0.1)
            for one in select.select(list(open_), [], [], 0)[0]:
                with contextlib.suppress(OSError):
                    assert one.recv(1) == b""
                del open_[one]


def test_an_upload_that_comes_slowly_goes_on_as_long_as_it_moves(school):
    with school.connect() as client:
        client.sendall(raw(school, "Content-Length: 40", method="POST").encode())
        with asked(school) as (origin, _head):
            for _ in range(40):  # 4 s and more: longer than nothing may move
                select.select([origin], [], [], 0.1)
                client.sendall(b"x")
                assert origin.recv(1) == b"x"
            origin.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            assert answer(client)[0] == 204


def test_nobody_waits_for_the_handshake_of_another(school):
    """A client that begins TLS and stops is dropped like one that sends no head."""
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(school.connect("proxy-tls")) for _ in range(20)]
        for one in silent[::2]:
            one.sendall(b"\x16\x03\x01\x02\x00\x01")
        with school.context.wrap_socket(school.connect("proxy-tls"), server_hostname="127.0.0.1") as client:
            client.sendall(f"GET http://127.0.0.1:{school.site}/ HTTP/1.0\r\n{sign()}\r\n".encode())
            assert answer(client)[0] == 200
        assert all(ends_within(one, 4.0) for one in silent)


@pytest.mark.parametrize(
    "said", [b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 500, b"\x16\x03\x01\xff\xff\xff"]
)
def test_what_is_no_tls_ends_the_connection_on_the_tls_port(school, said):
    with school.connect("proxy-tls") as client:
        client.sendall(said)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)
            assert len(client.recv(100)) < 100
            assert ends_within(client, 4.0)
