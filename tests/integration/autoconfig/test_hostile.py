"""Whatever a stranger sends ends in an answer or a closed connection, soon, and keeps nobody else out."""

import contextlib
import random
import select
import socket
import ssl
import time
from pathlib import Path

import psutil
import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.support_place import DOMAIN

GET = b"GET /mail/config-v1.1.xml HTTP/1.1\r\nHost: autoconfig.schule.example\r\n"
POST = b"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: schule.example\r\n"
PATIENCE = 20.0


def connect(school, name: str = "https") -> socket.socket:
    link = socket.create_connection(("127.0.0.1", school.ports[name]), PATIENCE)
    return link if name == "http" else school.context.wrap_socket(link, server_hostname=f"autoconfig.{DOMAIN}")


def everything(link: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := link.recv(65536):
            found += piece
    return found


def said(school, data: bytes, name: str = "https") -> bytes:
    with connect(school, name) as link:
        with contextlib.suppress(ConnectionError):
            link.sendall(data)
        return everything(link)


def status(answer: bytes) -> bytes:
    return answer.partition(b"\r\n")[0][9:12]


@pytest.mark.parametrize("name", ["http", "https"])
@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (GET + b"\r\n", b"200"),
        (GET.replace(b"1.1\r\nHost", b"1.0\r\nHost", 1) + b"\r\n", b"200"),
        (GET + b"\r\n" + GET + b"\r\n", b"200"),
        (GET.replace(b"GET", b"BREW") + b"\r\n", b"405"),
        (GET.replace(b"HTTP/1.1", b"HTTP/2.0") + b"\r\n", b"505"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
        (b"GET /\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"\0" * 100 + b"\r\n\r\n", b"400"),
        (b"EHLO mail\r\n\r\n", b"400"),
        (GET.replace(b"\r\n", b"\n") + b"\n", b"400"),
        (GET + b"X: a\r\n b\r\n\r\n", b"400"),
        (GET + b"Host: other\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (GET + b"Content-Length: x\r\n\r\n", b"400"),
        (GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (GET + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (GET + b"Transfer-Encoding: gzip\r\n\r\n", b"501"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (GET + b"Content-Length: 999999999999\r\n\r\n", b"413"),
        (GET + b"Content-Length: 20000\r\n\r\n" + b"x" * 20000, b"413"),
        (
            GET
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"1000\r\n"
            + b"x" * 4096
            + b"\r\n"
            + b"4000\r\n"
            + b"x" * 16384,
            b"413",
        ),
        (b"GET /" + b"a" * 40000, b"431"),
        (GET + b"X: " + b"a" * 40000, b"431"),
        (GET + b"A: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"404"),
        (b"GET http://evil.example/secret HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"404"),
    ],
    ids=range(28),
)
def test_each_gets_its_answer(school, name, data, wanted):
    assert status(said(school, data, name)) == wanted


def test_a_second_request_on_a_connection_is_not_answered(school):
    assert said(school, GET + b"\r\n" + GET + b"\r\n").count(b"HTTP/1.1 ") == 1


def test_who_waits_for_a_hundred_gets_it(school):
    with connect(school) as link:
        link.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"<a/>")
        assert b"<ErrorCode>600</ErrorCode>" in everything(link)


def test_a_question_that_comes_in_single_bytes_and_chunks_is_whole(school):
    data = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n<\r\n3\r\na/>\r\n0\r\n\r\n"
    with connect(school) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(data)):
            link.sendall(data[number : number + 1])
        assert b"<ErrorCode>600</ErrorCode>" in everything(link)


def test_speaking_in_clear_to_the_encrypted_port_ends(school):
    with socket.create_connection(("127.0.0.1", school.ports["https"]), PATIENCE) as link:
        link.sendall(GET + b"\r\n")
        assert b"HTTP" not in everything(link)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_tls_is_refused(school, version):
    context = ssl.create_default_context(cafile=str(school.ca))
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    with socket.create_connection(("127.0.0.1", school.ports["https"]), PATIENCE) as link, pytest.raises(ssl.SSLError):
        context.wrap_socket(link, server_hostname=f"autoconfig.{DOMAIN}")


def test_seeded_nonsense_never_ends_the_service(school):
    rng = random.Random(20260901)
    seeds = [GET + b"\r\n", POST + b"Content-Length: 4\r\n\r\n<a/>", b"\r\n", b"\x16\x03\x01\x02\x00\x01"]
    before = school.daemon.children()

    def attack(number: int) -> bytes:
        data = bytearray(rng.choice(seeds) * rng.randrange(1, 4))
        for _ in range(rng.randrange(12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        name = ("http", "https")[number % 2]
        with contextlib.suppress(ConnectionError, ssl.SSLError), connect(school, name) as link:
            link.sendall(bytes(data))
            if name == "http":
                link.shutdown(socket.SHUT_WR)
            else:
                link = link.unwrap()
            return everything(link)
        return b""

    for number in range(200):
        answer = attack(number)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 ", b"\x15\x03")), answer[:40]
    assert school.daemon.children() == before
    assert status(said(school, GET + b"\r\n")) == b"200"
    assert "could not be answered" not in school.log.read_text()


def test_idle_strangers_keep_nobody_out_and_no_byte_buys_time(school):
    """From one address only so many are served; all are ended in time, the handshake included, whatever they send."""
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", school.ports[name]), PATIENCE))
            for name in ("http", "https")
            for _ in range(30)
        ]
        begun, waiting = time.monotonic(), select.poll()
        for link in idle:
            waiting.register(link, select.POLLIN)
        left = {link.fileno(): link for link in idle}
        lasted = []
        while left and time.monotonic() - begun < PATIENCE:
            for descriptor, _ in waiting.poll(250):
                waiting.unregister(descriptor)
                left.pop(descriptor)
                lasted.append(time.monotonic() - begun)
            for link, byte in ((idle[0], b"G"), (idle[30], b"\x16")):
                with contextlib.suppress(OSError):
                    link.send(byte)
        assert not left
        # Ten found no room; the second byte of no TLS ends that one, and enough of no method that one.
        assert len([one for one in lasted if one < 5]) in range(10, 13)
    assert status(said(school, GET + b"\r\n")) == b"200"


def test_memory_and_descriptors_do_not_grow(school):
    (worker,) = school.daemon.children()
    process = psutil.Process(worker)

    def many() -> None:
        for _ in range(50):
            said(school, b"GET /" + b"a" * 39000 + b" HTTP/1.1\r\n", "http")
            said(school, POST + b"Content-Length: 15000\r\n\r\n" + b"<a>" * 5000)

    many()
    memory, descriptors = process.memory_info().rss, len(list(Path(f"/proc/{worker}/fd").iterdir()))
    many()
    assert process.memory_info().rss - memory < 4 * 1024 * 1024
    eventually(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) <= descriptors, PATIENCE)
