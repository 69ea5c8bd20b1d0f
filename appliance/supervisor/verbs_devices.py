"""Verbs about devices: whose device an address is, for as long as a session binds it (K20)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from appliance.daemon.oneself import leads_here
from appliance.policy.events import Kind
from appliance.policy.owners import plain
from appliance.supervisor.core import Core
from appliance.supervisor.devices import Device
from appliance.supervisor.verb import Argument, Call, Verb, VerbError
from appliance.supervisor.when import end, shown


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    devices = _DeviceVerbs(core)
    address = Argument(limit=60)
    return {
        "devices.bind": Verb(devices.bind, {"address": address, "login": Argument(), "until": Argument()}),
        "devices.release": Verb(devices.release, {"address": address}),
        "devices.list": Verb(devices.list),
    }


class _DeviceVerbs:
    def __init__(self, core: Core) -> None:
        self._core = core

    def bind(self, call: Call) -> dict[str, Any]:
        core, given = self._core, call.arguments
        address, account = self._of_the_school(given["address"]), core.account(given["login"])
        zone, now = core.settings.school.zone, core.clock()
        until = end("until", given["until"], zone).astimezone(UTC)
        if until <= now:
            raise VerbError("wrong-arguments", f"argument 'until' is {shown(until, zone)}, which has passed")
        former = core.devices.bind(Device(address, account.uid, now, until, call.by))
        published = core.in_force()
        fields = {"login": account.login, "address": address, "until": until.isoformat()}
        core.record(Kind.DEVICE_BOUND, **fields, by=call.by)
        others = None if former is None or former.uid == account.uid else self._logins().get(former.uid)
        return {**fields, "former": others, "published": published}

    def release(self, call: Call) -> dict[str, Any]:
        core, address = self._core, _address(call.arguments["address"])
        former = core.devices.release(address, core.clock())
        if former is None:
            raise VerbError("not-bound", f"{address} is nobody's device")
        published, login = core.in_force(), self._logins().get(former.uid, "")
        core.record(Kind.DEVICE_RELEASED, login=login, address=address, by=call.by)
        return {"login": login, "address": address, "published": published}

    def list(self, _call: Call) -> dict[str, Any]:
        """All that count now, by address."""
        core, zone, logins = self._core, self._core.settings.school.zone, self._logins()
        return {
            "devices": [
                {
                    "address": device.address,
                    "login": logins[device.uid],
                    "since": device.since.astimezone(zone).isoformat(timespec="seconds"),
                    "until": device.until.astimezone(zone).isoformat(timespec="seconds"),
                    "by": device.by,
                }
                for device in sorted(core.devices.standing(core.clock()), key=_place)
                if device.uid in logins
            ]
        }

    def _logins(self) -> dict[int, str]:
        return {account.uid: account.login for account in self._core.snapshot().accounts.values()}

    def _of_the_school(self, given: str) -> str:
        """Give the address in its one text; it must be in a network of the school and not this machine's own."""
        address, networks = _address(given), self._core.settings.network.networks
        found = plain(address)
        if not any(found in network for network in networks):
            known = ", ".join(map(str, networks)) or "none"
            raise VerbError(
                "wrong-arguments", f"argument 'address' is {address}; networks of the school (network.yaml): {known}"
            )
        if leads_here(address):
            raise VerbError("wrong-arguments", f"argument 'address' is {address}, which is this server itself")
        return address


def _address(given: str) -> str:
    found = plain(given.strip())
    if found is None or "%" in given:
        raise VerbError("wrong-arguments", f"argument 'address' is {given[:60]!r}; it must be an IP address")
    return str(found)


def _place(device: Device) -> tuple[int, bytes]:
    found = plain(device.address)
    return (0, b"") if found is None else (found.version, found.packed)
