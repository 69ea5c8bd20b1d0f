"""A DNS server of one's own for a few names: Twisted's, on loopback, in a process of its own.

Run as ``zone.py PORT ZONE``; ``ZONE`` is a file with lines ``NAME TYPE VALUE``.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from appliance.daemon.dns_lookup import Names, NoAnswer
from appliance.daemon.options_network import Address
from tests.integration.demo.waiting import eventually
from tests.integration.support_ports import free_port


@contextlib.contextmanager
def running_zone(folder: Path, lines: str) -> Iterator[Address]:
    """Serve ``lines`` until the end; gives where."""
    port, path = free_port(), folder / "zone"
    path.write_text("is.there A 127.0.0.1\n" + lines)
    process = subprocess.Popen(["/usr/bin/python3", __file__, str(port), str(path)], stdin=subprocess.DEVNULL)
    address = Address("127.0.0.1", port)
    try:
        eventually(lambda: _answers(address))
        yield address
    finally:
        process.kill()
        process.wait(20)


def _answers(address: Address) -> bool:
    try:
        return Names(address).lookup("is.there", "A") == ["127.0.0.1"]
    except NoAnswer:
        return False


def _serve(port: int, path: Path) -> None:
    from twisted.internet import defer, reactor
    from twisted.names import dns, server
    from twisted.names.error import DomainError

    kinds = {
        "A": (dns.A, lambda value: dns.Record_A(value)),
        "TXT": (
            dns.TXT,
            lambda value: dns.Record_TXT(*(value[at : at + 200].encode() for at in range(0, len(value), 200))),
        ),
        "MX": (dns.MX, lambda value: dns.Record_MX(10, value)),
    }
    rows = [line.split(" ", 2) for line in path.read_text().splitlines() if line]

    class Zone:
        """Answers from the file."""

        def query(self, query: dns.Query, timeout: object = None) -> defer.Deferred:
            name = query.name.name.decode().lower()
            known = [row for row in rows if row[0] == name]
            if not known:
                return defer.fail(DomainError(name))
            answers = [
                dns.RRHeader(name, kinds[kind][0], payload=kinds[kind][1](value), auth=True)
                for _, kind, value in known
                if kinds[kind][0] == query.type
            ]
            return defer.succeed((answers, [], []))

    factory = server.DNSServerFactory(clients=[Zone()])
    reactor.listenUDP(port, dns.DNSDatagramProtocol(factory), interface="127.0.0.1")
    reactor.listenTCP(port, factory, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), Path(sys.argv[2]))
