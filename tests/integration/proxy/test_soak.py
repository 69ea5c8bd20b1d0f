"""All that people do, at once and for long: memory and descriptors stay what they were."""

import contextlib
import os
import random
import signal
import socket
import statistics
import struct
import threading
import time

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.fuzz import play
from tests.integration.proxy.load import descriptors, rss
from tests.integration.proxy.school import FRED, MARIA, sign
from tests.integration.proxy.test_fuzz import FAULTS
from tests.integration.proxy.wire import until

LONG = float(os.environ.get("SOAK_SECONDS", "1800"))
OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
GROWTH = 3_000_000
"""Bytes by which a worker may be larger in the last quarter than in the second: a leak of two a connection in long."""


class Load:
    """People, each a thread of ``work``, until it is stopped; ``done`` counts what each kind of work came to."""

    def __init__(self, outside):
        self.outside = outside
        self.over = threading.Event()
        self.done = dict.fromkeys((self.fetch, self.tunnel, self.give_up, self.talk_nonsense), 0)
        self.faults = []
        self._threads = [threading.Thread(target=self._work, args=(seed,)) for seed in range(4)]

    def __enter__(self):
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_error):
        self.over.set()
        for one in self._threads:
            one.join(60)
        assert not any(one.is_alive() for one in self._threads)

    def _work(self, seed):
        dice = random.Random(seed)
        kinds = [self.fetch] * 6 + [self.tunnel] * 8 + [self.give_up] * 3 + [self.talk_nonsense]
        while not self.over.is_set():
            kind = dice.choice(kinds)
            try:
                kind(dice)
                self.done[kind] += 1
            except Exception as error:
                self.faults.append(repr(error))
                return

    def _client(self, dice):
        if dice.random() < 0.7:
            return self.outside.connect()
        return self.outside.context.wrap_socket(self.outside.connect("proxy-tls"), server_hostname="127.0.0.1")

    def fetch(self, dice):
        """Some pages over one connection."""
        with self._client(dice) as client:
            for _ in range(dice.randrange(1, 8)):
                size = dice.choice((0, 100, 5_000, 60_000))
                url = f"http://127.0.0.1:{self.outside.echo}/{size}"
                client.sendall(f"GET {url} HTTP/1.1\r\nHost: a\r\n{sign(dice.choice((FRED, MARIA)))}\r\n".encode())
                data = client.recv(65536)
                assert data.startswith(b"HTTP/1.1 200 "), data[:100]
                while b"\r\n\r\n" not in data:
                    data += client.recv(65536)
                left = size - len(data.partition(b"\r\n\r\n")[2])
                while left:
                    left -= len(client.recv(left))

    def _tunnel(self, client):
        request = f"CONNECT 127.0.0.1:{self.outside.echo} HTTP/1.1\r\nHost: a\r\n{sign()}\r\n"
        client.sendall(request.encode())
        assert until(client, b"\r\n\r\n") == OPEN

    def tunnel(self, dice):
        """What goes in comes back, in pieces of many sizes."""
        with self._client(dice) as client:
            self._tunnel(client)
            for _ in range(dice.randrange(1, 6)):
                size = dice.choice((1, 1000, 30_000))
                client.sendall(bytes(size))
                while size:
                    size -= len(client.recv(size))

    def give_up(self, dice):
        """Somewhere in the middle, in order or not."""
        with self._client(dice) as client:
            if dice.random() < 0.5:
                self._tunnel(client)
                client.sendall(bytes(dice.choice((1, 60_000))))
            else:
                client.sendall(
                    f"GET http://127.0.0.1:{self.outside.echo}/60000 HTTP/1.1\r\nHost: a\r\n{sign()}\r\n".encode()
                )
            if dice.random() < 0.5:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def talk_nonsense(self, dice):
        """See ``fuzz``."""
        with contextlib.suppress(OSError):
            play(self.outside, dice.randrange(1 << 30))


@pytest.mark.parametrize(
    "seconds",
    [12.0, pytest.param(LONG, marks=[pytest.mark.soak, pytest.mark.timeout(LONG + 300)])],
    ids=["short", "long"],
)
def test_mixed_load_leaves_nothing_behind(outside, seconds):
    workers, lines = outside.proxy.children(), len(outside.log.read_text())
    before = sum(map(descriptors, workers))
    sizes = {worker: [] for worker in workers}
    with Load(outside) as load:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not load.faults:
            load.over.wait(seconds / 200)
            for worker in workers:
                sizes[worker].append(rss(worker))
            if len(sizes[workers[0]]) % 50 == 0:
                outside.proxy.process.send_signal(signal.SIGHUP)
    assert load.faults == []
    assert outside.proxy.children() == workers
    assert all(load.done.values()), load.done
    outside.raw.settimeout(0.1)
    with contextlib.suppress(TimeoutError):
        while True:
            outside.raw.accept()[0].close()
    outside.raw.settimeout(15.0)
    eventually(lambda: sum(map(descriptors, workers)) <= before + 8)
    for found in sizes.values():
        quarter = len(found) // 4
        assert statistics.median(found[-quarter:]) - statistics.median(found[quarter : 2 * quarter]) < GROWTH
    said = outside.log.read_text()[lines:]
    assert [fault for fault in FAULTS if fault in said] == [], said[-3000:]
