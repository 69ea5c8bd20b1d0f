"""The proxy against squid (no cache, no log, no sign-in): figures only. Ours signs in, decides, filters and counts.

CPU of the serving process is compared, not the rate: client and origin are Python and share the machine. The figures
are those of one worker; each round moves the same bytes through both.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from bench.harness import Row
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.school import School, sign, start_school

REQUESTS, TUNNELS, BULK = 3000, 500, 256 * 1024 * 1024
_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + bytes(1024)
_PIECE = bytes(256 * 1024)


@contextlib.contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows while both proxies and their origin run."""
    with start_school() as school, _origin(school.raw), _squid() as (squid, squid_port):
        school.publish(limits=LimitTable(Limits(1 << 40, 1 << 40)))
        ours = _Side(school.ports["proxy"], school.proxy.children()[0], school.raw_site)
        peer = _Side(squid_port, squid, school.raw_site)
        eventually(lambda: _open(school))
        yield tuple(
            Row(name, unit, False, lambda run=run: run(ours), lambda run=run: run(peer), "squid")
            for name, unit, run in (
                ("HTTP 1 KiB, CPU per request", "us", _Side.http),
                ("CONNECT, CPU per connection", "us", _Side.connect),
                ("tunnel, CPU per GB", "s", _Side.bulk),
            )
        )


class _Side:
    """One proxy on ``port``, served by process ``pid``; the same work for each."""

    def __init__(self, port: int, pid: int, site: int) -> None:
        self._port, self._pid, self._site = port, pid, site

    def http(self) -> float:
        """CPU in us for one request on a kept connection."""
        request = f"GET http://127.0.0.1:{self._site}/ HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode()

        def work() -> None:
            with self._client() as client:
                for _ in range(REQUESTS):
                    client.sendall(request)
                    _read_body(client)

        return self._cpu(work) / REQUESTS * 1e6

    def connect(self) -> float:
        """CPU in us for a tunnel that carries a few bytes."""

        def work() -> None:
            for _ in range(TUNNELS):
                with self._tunnel() as client:
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    _read_body(client)

        return self._cpu(work) / TUNNELS * 1e6

    def bulk(self) -> float:
        """CPU in s for a GB down a tunnel."""

        def work() -> None:
            with self._tunnel() as client:
                client.sendall(b"BULK\r\n\r\n")
                left = BULK
                while left:
                    left -= len(client.recv(1 << 20))

        return self._cpu(work) / BULK * 1e9

    def _cpu(self, work: Callable[[], None]) -> float:
        before = self._ticks()
        work()
        return (self._ticks() - before) / os.sysconf("SC_CLK_TCK")

    def _ticks(self) -> int:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def _client(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self._port), 30)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def _tunnel(self) -> socket.socket:
        client = self._client()
        client.sendall(f"CONNECT 127.0.0.1:{self._site} HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode())
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            piece = client.recv(4096)
            if not piece:
                raise RuntimeError("the proxy hung up")
            data += piece
        if b" 200 " not in data.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"the proxy answered {data[:12]!r}")
        return client


def _read_body(client: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head:
        raise RuntimeError(f"the proxy answered {head[:12]!r}")
    left = 1024 - len(body)
    while left:
        left -= len(client.recv(left))


def _open(school: School) -> bool:
    """Whether the limits of the benchmark are in force."""
    snapshot = school.settings.server.runtime / "snapshots" / "web.snapshot"
    return time.time() - snapshot.stat().st_mtime > 1.0


@contextlib.contextmanager
def _origin(listener: socket.socket) -> Iterator[None]:
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listener,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _serve(listener: socket.socket) -> None:
    """Answer each head with 1 KiB, or with many MiB: one process, blocking writes."""
    selector = selectors.DefaultSelector()
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            ready = key.fileobj
            if ready is listener:
                with contextlib.suppress(BlockingIOError):
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(connection, selectors.EVENT_READ)
                continue
            assert isinstance(ready, socket.socket)
            try:
                data = ready.recv(65536)
                if data.startswith(b"BULK"):
                    for _ in range(BULK // len(_PIECE)):
                        ready.sendall(_PIECE)
                elif data:
                    ready.sendall(_BODY)
            except OSError:
                data = b""
            if not data:
                selector.unregister(ready)
                ready.close()


@contextlib.contextmanager
def _squid() -> Iterator[tuple[int, int]]:
    """A squid in the foreground that only passes on; gives its pid and port."""
    program = shutil.which("squid", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise SystemExit("bench proxy needs squid: scripts/install-dependencies all")
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as place, socket.create_server(("127.0.0.1", 0)) as free:
        Path(place).chmod(0o777)
        port = free.getsockname()[1]
        free.close()
        share = Path(program).resolve().parent.parent / "share" / "squid"
        configuration = Path(place) / "squid.conf"
        configuration.write_text(
            f"http_port 127.0.0.1:{port}\nhttp_access allow all\ncache deny all\naccess_log none\ncache_log /dev/null\n"
            f"cache_store_log none\npid_filename none\nnetdb_filename none\npinger_enable off\nworkers 1\n"
            f"coredump_dir {place}\nshutdown_lifetime 0 seconds\nmime_table {share}/mime.conf\n"
            f"icon_directory {share}/icons\nerror_directory {place}\n"
            f"unlinkd_program {share.parents[1]}/lib/squid/unlinkd\nvisible_hostname localhost\n"
        )
        process = subprocess.Popen(
            [program, "-N", "-f", str(configuration)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            eventually(lambda: _answers(port) or process.poll() is not None, 30)
            if process.poll() is not None:
                raise SystemExit(f"squid ended with {process.returncode}")
            yield process.pid, port
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
