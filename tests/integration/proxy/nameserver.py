"""A real nameserver (dnsmasq) on the loopback, and a relay before it that is the network: it delays, loses, damages."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator

from appliance.proxy.dns_message import Kind, question

RECORDS = (
    "--address=/none.example/",
    "--host-record=both.example,192.0.2.1,2001:db8::1,300",
    "--host-record=four.example,192.0.2.4,300",
    "--host-record=six.example,2001:db8::6,300",
    "--host-record=short.example,192.0.2.5,0",
    "--host-record=word.schule.example,192.0.2.7,300",
    "--cname=alias.example,both.example",
    "--txt-record=text.example,there",
    *(f"--host-record=many.example,192.0.2.{last},300" for last in range(1, 100)),
)


@contextlib.contextmanager
def dnsmasq(port: int, address: str = "127.0.0.1", *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a nameserver that knows ``RECORDS`` and ``more``, and asks nobody; ready at once."""
    arguments = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--no-daemon", "--conf-file=/dev/null"]
    where = [f"--port={port}", f"--listen-address={address}", "--bind-interfaces", "--local=/example/", "--no-poll"]
    running = subprocess.Popen(
        ["/usr/sbin/dnsmasq", *arguments, *where, *RECORDS, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        _wait(address, port, running)
        yield running
    finally:
        running.terminate()
        running.communicate(timeout=10)


def _wait(address: str, port: int, running: subprocess.Popen[bytes]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.1)
        for _ in range(100):
            assert running.poll() is None, running.communicate()[0]
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                client.sendto(question(1, "both.example", Kind.A), (address, port))
                client.recv(512)
                return
    raise AssertionError("the nameserver does not answer")


class Relay:
    """Carries questions to the nameserver at ``port``, and answers back if and when ``onward`` lets them."""

    def __init__(self, port: int, onward: Callable[[bytes, Callable[[bytes], None]], None]) -> None:
        self.questions: list[bytes] = []
        self._server = ("127.0.0.1", port)
        self._onward = onward
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    @contextlib.contextmanager
    def on(self, port: int, address: str) -> Iterator[Relay]:
        """Listen there until the end."""
        self._socket.bind((address, port))
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._socket.sendto(b"", (address, port))
            thread.join()
            self._socket.close()

    def _run(self) -> None:
        while True:
            data, client = self._socket.recvfrom(2048)
            if not data:
                return
            self.questions.append(data)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upward:
                upward.settimeout(5)
                upward.sendto(data, self._server)
                back = upward.recv(2048)
            self._onward(back, lambda answer, client=client: self._send(answer, client))  # type: ignore[misc]

    def _send(self, answer: bytes, client: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(answer, client)
