"""Whether a WLAN is taken: which units that opens and closes, and the marker that lets them start.

May live here: that marker, and which units are concerned. May not: stopping and starting (``steps``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from appliance.daemon.whole_file import sync_folder, write_whole

if TYPE_CHECKING:
    from appliance.setup.places import Places

SOCKETS: Final = ("schoolserver-transparent-http.socket", "schoolserver-transparent-tls.socket")
_PARTS: Final = frozenset({"proxy", "firewall", "resolver"})
_CLOSING: Final = (
    *SOCKETS,
    "schoolserver-proxy.service",
    "schoolserver-resolver.service",
    "schoolserver-firewall.service",
)
"""The rules go last: while anybody listens, they keep all others away from there."""


RULES: Final = "schoolserver-firewall.service"
"""It knows the ports of all others, and takes the DNS with it when it starts anew."""


def opened(sockets: Sequence[str], *, before: bool) -> tuple[str, ...]:
    """Give those of ``sockets`` that begin to listen because a WLAN is taken; ``before``: it was already."""
    return tuple(one for one in sockets if one in SOCKETS and not before)


def closing(*, before: bool, wanted: bool) -> tuple[str, ...]:
    """Give the units to stop, in this order, because no WLAN is taken any more; the proxy starts again without."""
    return _CLOSING if before and not wanted else ()


def problems(units: Collection[str], *, wanted: bool) -> Iterator[str]:
    """Say what is missing on this machine, whose ``units`` are installed."""
    if wanted and not _PARTS.issubset(units):
        yield "network.yaml: wlan_networks needs the package schoolserver-proxy; install it, then run setup again"


def mark(places: Places, *, wanted: bool) -> None:
    """Let the WLAN's units start, or not any more."""
    if wanted and not places.with_wlan.exists():
        write_whole(places.with_wlan, b"schoolserver setup was here: the units of the WLAN may start.\n", 0o644)
    elif not wanted:
        places.with_wlan.unlink(missing_ok=True)
        sync_folder(places.state)
