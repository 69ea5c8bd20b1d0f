"""Asking the DNS, by Debian's dnspython; bounded in time."""

from __future__ import annotations

from collections.abc import Sequence

import dns.exception
import dns.resolver

from appliance.daemon.options_network import Address

_PATIENCE = 5.0


class NoAnswer(Exception):
    """No server gave an answer; that is not the same as that there is nothing."""


class Names:
    """Asks the servers of this machine, or the one at ``server``."""

    def __init__(self, server: Address | None = None) -> None:
        self._resolver = dns.resolver.Resolver(configure=server is None)
        self._resolver.lifetime = _PATIENCE
        if server is not None:
            self._resolver.nameservers = [server.host]
            self._resolver.port = server.port

    def lookup(self, name: str, kind: str) -> Sequence[str]:
        """Give the records of ``name`` of a ``kind`` (TXT joined, MX as names of hosts). Raise :class:`NoAnswer`."""
        try:
            found = self._resolver.resolve(name, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except dns.exception.DNSException as problem:
            asked = ", ".join(f"{server} port {self._resolver.port}" for server in self._resolver.nameservers)
            raise NoAnswer(f"the DNS server ({asked}) says nothing about {name}") from problem
        if kind == "TXT":
            return [b"".join(one.strings).decode("utf-8", "replace") for one in found]
        if kind == "MX":
            return [one.exchange.to_text(omit_final_dot=True) for one in sorted(found, key=lambda one: one.preference)]
        return [one.to_text() for one in found]
