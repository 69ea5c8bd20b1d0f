"""What must fit together for the server's certificates and the networks that they are good for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address

from appliance.daemon.options_network import Network, within
from appliance.daemon.options_reading import Reading


def _both_or_neither(reading: Reading) -> None:
    certificate, key = reading.value("certificates.certificate"), reading.value("certificates.key")
    if (certificate is None) != (key is None):
        missing, given = ("certificate", "key") if certificate is None else ("key", "certificate")
        source = reading.sources[f"certificates.{given}"]
        reading.report(source, f"a {given} without {missing}", "both, or neither for the local authority")


def _names_inside(reading: Reading) -> None:
    """The local authority is believed within the domain only."""
    domain, names = reading.value("school.domain"), reading.value("certificates.names")
    if reading.value("certificates.certificate") is not None:
        return
    for number, name in enumerate(names):
        if not _is_address(name) and name != domain and not name.endswith(f".{domain}"):
            allowed = f"{domain} or a name that ends in .{domain}, unless the school has a certificate of its own"
            reading.report(reading.sources[f"certificates.names[{number}]"], name, allowed)


def _rooms_inside(reading: Reading) -> None:
    """A room outside of the school's networks is a slip of the pen."""
    networks: Sequence[Network] = reading.value("network.networks")
    rooms: Mapping[str, Sequence[Network]] = reading.value("network.rooms")
    for room, places in rooms.items() if networks else ():
        for number, place in enumerate(places):
            if not any(within(place, network) for network in networks):
                source = reading.sources[f"network.rooms.{room}[{number}]"]
                reading.report(source, str(place), f"a part of the school's networks ({', '.join(map(str, networks))})")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


CERTIFICATE_CHECKS: tuple[Callable[[Reading], None], ...] = (_both_or_neither, _names_inside, _rooms_inside)
