"""What must fit together for the WLAN whose way to the internet is taken transparently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network

from appliance.daemon.options_network import Address, Network, NetworkPort, within
from appliance.daemon.options_reading import Reading

_SPECIAL = tuple(
    map(ip_network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::/127", "fe80::/10", "ff00::/8"))
)
_LISTENERS = ("transparent-http", "transparent-tls", "dns")


def _networks(reading: Reading) -> Iterator[tuple[str, Network]]:
    networks: Sequence[Network] = reading.value("network.wlan_networks")
    yield from ((f"network.wlan_networks[{number}]", network) for number, network in enumerate(networks))


def _of_devices(reading: Reading) -> None:
    """Addresses of this machine itself, of one cable or of groups are no WLAN; nor is every address there is."""
    for path, network in _networks(reading):
        if near := _met(network, _SPECIAL):
            reading.report(reading.sources[path], f"{network}, which meets {near}", "a network of the WLAN's devices")


def _inside(reading: Reading) -> None:
    """A WLAN outside of the school's networks is a slip of the pen."""
    networks: Sequence[Network] = reading.value("network.networks")
    for path, network in _networks(reading) if networks else ():
        if not any(within(network, other) for other in networks):
            allowed = f"a part of the school's networks ({', '.join(map(str, networks))})"
            reading.report(reading.sources[path], str(network), allowed)


def _no_devices_of_the_school(reading: Reading) -> None:
    """In a WLAN anybody takes any address; in a network of devices an address is a right to hand in mail."""
    for path, network in _networks(reading):
        if near := _met(network, reading.value("network.device_networks")):
            found = f"{network}, which meets the device network {near}"
            reading.report(reading.sources[path], found, "devices and WLAN apart")


def _whole_rooms(reading: Reading) -> None:
    """A room may be a part of the WLAN; but of a room of PCs no part may be taken otherwise than the rest."""
    rooms: Mapping[str, Sequence[Network]] = reading.value("network.rooms")
    for path, network in _networks(reading):
        for room, places in rooms.items():
            if near := _met(network, [place for place in places if not within(place, network)]):
                found = f"{network}, which is a part of room {room} ({near})"
                reading.report(reading.sources[path], found, "all of a room, or none of it")


def _reached(reading: Reading) -> None:
    """What is led to a port must find somebody there. Our own launcher serves tests and demos, whose cards are none."""
    networks = [network for _, network in _networks(reading)]
    if not networks or reading.value("server.launcher") == "children":
        return
    for name in _LISTENERS:
        address: Address = reading.value(f"network.listen.{name}")
        source = reading.sources[f"network.listen.{name}"]
        host = ip_address(address.host)
        if host.is_loopback:
            reading.report(source, f"{address}, where the WLAN reaches nobody", f"0.0.0.0:{address.port}")
        elif host.version == 4 and any(network.version == 6 for network in networks):
            reading.report(source, f"{address}, though wlan_networks names one of IPv6", f"[::]:{address.port}")


def _cards_with_networks(reading: Reading) -> None:
    """A card without a network would let nobody in."""
    cards = reading.value("network.wlan_interfaces")
    if cards and not reading.value("network.wlan_networks"):
        found = f"{', '.join(cards)} without wlan_networks"
        reading.report(reading.sources["network.wlan_interfaces"], found, "both, or no card")


def _unnamed_outside(reading: Reading) -> None:
    """Without a name nobody reaches the school's own machines."""
    rooms: Mapping[str, Sequence[Network]] = reading.value("network.rooms")
    own = [
        *(
            network
            for key in ("networks", "device_networks", "wlan_networks")
            for network in reading.value(f"network.{key}")
        ),
        *(place for places in rooms.values() for place in places),
        *_SPECIAL,
    ]
    unnamed: Sequence[NetworkPort] = reading.value("proxy.unnamed")
    for number, each in enumerate(unnamed):
        if near := _met(each.network, own):
            found = f"{each}, which meets {near}"
            reading.report(reading.sources[f"proxy.unnamed[{number}]"], found, "networks outside of the school")


def _met(network: Network, others: Sequence[Network]) -> Network | None:
    return next((one for one in others if one.version == network.version and one.overlaps(network)), None)


WLAN_CHECKS: tuple[Callable[[Reading], None], ...] = (
    _of_devices,
    _inside,
    _no_devices_of_the_school,
    _whole_rooms,
    _reached,
    _cards_with_networks,
    _unnamed_outside,
)
