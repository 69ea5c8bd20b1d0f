"""``mail.yaml``, ``devices``: printers, scanners and panels that hand in mail without signing in, on port 25."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from appliance.daemon.options import REQUIRED, option
from appliance.daemon.options_network import Network
from appliance.daemon.options_numbers import integer, size
from appliance.daemon.options_reading import Reading
from appliance.daemon.options_values import Scalar, text


def _ip(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError from None  # its text would be taken for what was meant


_IP: Scalar[str] = Scalar("IP address", "one IP address, such as 10.1.30.5", _ip)
_COUNT = integer(1, 1_000_000)
_SENDER = text(r"[a-z0-9][a-z0-9._-]{0,63}@[a-z0-9.-]+", "an address of the school in lower case")


@dataclass(frozen=True, slots=True)
class MailDevice:
    """A device: its IP ``address`` as text, the ``sender`` that it writes as, the ``name`` shown with that.

    Somebody could take its address (K09), so it writes to few: not to the whole school at once, nor again and again.
    """

    address: str = option(_IP, REQUIRED, "Its own address, in one of the device networks.", example="10.1.30.5")
    sender: str = option(
        _SENDER,
        REQUIRED,
        "The only address that it writes as; of no person and no group.",
        example="kopierer@schule.example",
    )
    name: str = option(
        text(r"[^\x00-\x1f@<>]*", "a text without @"), "", "What is shown as the sender.", example="Kopierer"
    )
    recipients_per_message: int = option(
        _COUNT, 50, "People that one message may go to, groups expanded.", unit="people", example=5
    )
    recipients_per_hour: int = option(
        _COUNT,
        200,
        "People that it may write to within an hour; as many at least as with one message.",
        unit="people",
        example=60,
    )
    bytes_per_hour: int = option(
        size(10**6, 10**15),
        "1 GB",
        "How much it may write within an hour, a message counted for each mailbox that it goes to.",
        example="200 MB",
    )


def _devices(reading: Reading) -> Iterator[tuple[str, MailDevice]]:
    """Give path and value of each device that is right by itself."""
    for path, value in list(reading.values.items()):
        if isinstance(value, MailDevice):
            yield path, value


def _in_a_device_network(reading: Reading) -> None:
    """An address that a PC can have would let any pupil write without signing in."""
    networks: tuple[Network, ...] = reading.value("network.device_networks")
    for path, device in _devices(reading):
        address = ip_address(device.address)
        if not any(address.version == network.version and address in network for network in networks):
            allowed = (
                f"an address in device_networks (network.yaml): {', '.join(map(str, networks)) or 'there is none'}"
            )
            reading.report(reading.sources[f"{path}.address"], device.address, allowed)


def _once(reading: Reading) -> None:
    seen: set[str] = set()
    for path, device in _devices(reading):
        if device.address in seen:
            found = f"{device.address}, which another device has too"
            reading.report(reading.sources[f"{path}.address"], found, "each device once")
        seen.add(device.address)


def _writes_as_the_school(reading: Reading) -> None:
    domain = reading.value("school.domain")
    for path, device in _devices(reading):
        if device.sender.partition("@")[2] != domain:
            reading.report(reading.sources[f"{path}.sender"], device.sender, f"an address that ends in @{domain}")


def _hours(reading: Reading) -> None:
    """A message that an hour never has room for would be put off for ever."""
    for path, device in _devices(reading):
        most, least = device.recipients_per_hour, device.recipients_per_message
        if most < least:
            allowed = f"at least {least}, as recipients_per_message is"
            reading.report(reading.sources[f"{path}.recipients_per_hour"], str(most), allowed)


def _rooms_are_not_for_devices(reading: Reading) -> None:
    """What counts as a device must not be where somebody sits: PCs are in rooms."""
    devices: tuple[Network, ...] = reading.value("network.device_networks")
    for room, networks in reading.value("network.rooms").items():
        for number, network in enumerate(networks):
            near = [each for each in devices if each.version == network.version and each.overlaps(network)]
            if near:
                found = f"{network}, which meets the device network {near[0]}"
                reading.report(reading.sources[f"network.rooms.{room}[{number}]"], found, "PCs and devices apart")


DEVICE_CHECKS: tuple[Callable[[Reading], None], ...] = (
    _in_a_device_network,
    _once,
    _writes_as_the_school,
    _hours,
    _rooms_are_not_for_devices,
)
"""What must fit together here."""
