"""The probe of the WLAN's DNS: whether it answers, and keeps to what it is there for.

It asks for a name that must not exist, which needs nobody outside: a school that is cut off is no failure. Blocking.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from twisted.names import dns

from appliance.supervisor.dns_question import by_datagram
from appliance.supervisor.probe import ProbeFailed, Visitor

_CANARY: Final = "use-application-dns.net"
_UNIT: Final = "resolver"


def probe_resolver(visitor: Visitor) -> None:
    """Ask as a phone does, on this machine; raises :class:`ProbeFailed`."""
    listen = visitor.settings.network.listen["dns"]
    where = (listen.host if not ip_address(listen.host).is_unspecified else "127.0.0.1", listen.port)
    try:
        answer = by_datagram(where, _CANARY, dns.A, visitor.timeout)
    except OSError as problem:
        raise ProbeFailed(
            _UNIT,
            f"DNS of the WLAN: no answer; is port {listen.port} taken by another program? ss -lnup sport = "
            f":{listen.port}",
        ) from problem
    if answer.rCode != dns.ENAME:
        raise ProbeFailed(
            _UNIT, "DNS of the WLAN: browsers there are not told to keep to it; see journalctl -u schoolserver-resolver"
        )
