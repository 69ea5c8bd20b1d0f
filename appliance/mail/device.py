"""A device of the school that hands in mail without signing in, as a party: known by its address, it writes as itself.

May live here: what the rules say of a device. May not: SMTP, the disk. Nobody signs at a device, so it has one sender,
which is nobody else's address, and reaches nobody outside the school (K08, K09).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from zlib import crc32

from appliance.daemon.options_network import Network
from appliance.mail.addresses import plain, sender_problem
from appliance.mail.head import Field
from appliance.mail.house import House
from appliance.mail.many import Counted
from appliance.mail.rewrite import stored_head
from appliance.policy.account import Service
from appliance.policy.decision import Allow, Reason, Rule
from appliance.policy.limits import largest_size
from appliance.policy.mailing import Bounds
from appliance.policy.reach import Reached, Refused, from_device
from appliance.policy.request import Action
from appliance.session.obstacle import Hitch, Obstacle
from appliance.settings.mail_devices import MailDevice

_log = logging.getLogger(__name__)

_RULE = Rule("mail.yaml devices", "devices of the school may write to the school")
_MESSAGE, _HOUR, _BYTES = (
    f"mail.yaml devices.{name}" for name in ("recipients_per_message", "recipients_per_hour", "bytes_per_hour")
)
NUMBERS: Final = 1 << 16
"""Devices are counted under numbers below this: few files of few bytes, and each keeps its number."""
_OWN = Rule("mail.yaml devices.sender", "a device writes, in the envelope and in From, as its sender alone")
_TAKEN = Rule("mail.yaml devices.sender", "an account, group or role address has the address of this device")
_QUIET: Final = 60.0
_NO_SNAPSHOT = Rule("state snapshot", "who may do what is not known yet")


class Device:
    """The device that ``settings`` name; a :class:`appliance.mail.party.Party`.

    Its ``login`` is no account's: it has no mailbox, and what it sends is recorded under the name of its address.
    """

    hidden = False

    def __init__(self, house: House, settings: MailDevice) -> None:
        self._house = house
        self._shown = settings.name
        self.address = settings.sender
        self.login = f"device {settings.sender.partition('@')[0]}"
        people = settings.recipients_per_message, settings.recipients_per_hour
        bounds = Bounds(*people, _MESSAGE, _HOUR, settings.bytes_per_hour, _BYTES)
        self.counted = Counted(bounds, _number(settings.address), house.device_hours, house.device_weights)

    def may(self, size: int | None) -> Allow | Obstacle:
        """Say whether it may send now, and with which limits: those of somebody with no special role."""
        snapshot = self._house.snapshot()
        if snapshot is None:
            return Obstacle(Hitch.LATER)
        limits = snapshot.limits.default
        if size is not None and size > largest_size(snapshot.limits, limits, Service.MAIL, Action.SEND):
            return self._house.refuse(Service.MAIL, Reason.TOO_LARGE, _RULE)
        return Allow(_RULE, limits)

    def sends_as(self, address: str) -> bool:
        """Say whether ``address`` is its own, and not somebody's by now: of a person, a group or a role."""
        return plain(address) == self.address and self._is_free()

    def head(self, fields: tuple[Field, ...]) -> bytes | Reason:
        """Judge whom the head names as its sender; the name shown becomes the one in the settings."""
        own = {self.address: self._shown}
        reason = sender_problem(fields, own)
        return stored_head(fields, own, self.address) if reason is None else reason

    @property
    def voice(self) -> Rule:
        """What says as whom it writes."""
        return _OWN if self._is_free() else _TAKEN

    def reach(self, address: str) -> Reached | Refused:
        """Say what ``address`` means when the device writes to it."""
        snapshot = self._house.snapshot()
        return Refused(Reason.NOT_OPEN, _NO_SNAPSHOT) if snapshot is None else from_device(snapshot, address)

    def _is_free(self) -> bool:
        found = self.reach(self.address)
        return isinstance(found, Refused) and found.reason is Reason.UNKNOWN_RECIPIENT


@lru_cache(maxsize=1024)
def _number(address: str) -> int:
    """Give what the device is counted under: of its address, so that no other line of the settings changes it."""
    return crc32(ip_address(address).packed) % NUMBERS


class Unlisted:
    """Tells the journal when somebody in ``networks``, where devices are, may not send; ``clock`` gives seconds."""

    def __init__(self, networks: tuple[Network, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self._networks = networks
        self._clock = clock
        self._told = float("-inf")

    def __call__(self, address: str) -> None:
        """Leave one line a minute at the most, which names no address (K16)."""
        now = self._clock()
        if not address or now - self._told < _QUIET:
            return
        read = ip_address(address)
        if any(read.version == each.version and read in each for each in self._networks):
            self._told = now
            _log.warning("a device in device_networks that mail.yaml does not list was turned away")


def devices_by_address(house: House, devices: Iterable[MailDevice]) -> dict[str, Device]:
    """Give each listed device under its IP address (as text)."""
    return {each.address: Device(house, each) for each in devices}
