"""Keeping the WLAN's rules in the kernel: at the start, with new settings, and when another program takes them away.

May live here: when the table is made and removed. May not: what is in it (``render``).

Debian's own ``nftables.service`` empties the whole firewall when it is restarted. The kernel tells of each change
(netlink, group NFTABLES), so ours is back within a moment, and the carer is told.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.daemon.logs import Told
from appliance.daemon.nftables import FirewallError, standing, tell
from appliance.firewall.render import TABLE, remove, render
from appliance.firewall.rules import wlan_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.daemon.loop import Cancel, Loop
    from appliance.daemon.main import Worker
    from appliance.settings.load import Settings

_log = logging.getLogger(__name__)
_NETLINK_NETFILTER: Final = 12  # linux/netlink.h
_GROUP_NFTABLES: Final = 7  # linux/netfilter/nfnetlink.h, NFNLGRP_NFTABLES
_SETTLE: Final = 0.2
"""Seconds after a change in which others may follow, before we look."""
_FORWARDING: Final = tuple(Path("/proc/sys/net") / name for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"))


class FirewallService:
    """Has the rules of its settings in the kernel, from :meth:`begin` until it stops."""

    def __init__(self, worker: Worker[Settings], loop: Loop) -> None:
        self._worker = worker
        self._loop = loop
        self._listen = worker.settings.network.listen
        self._text = ""
        self._standing: str | None = None
        self._looking: Cancel | None = None
        self._changes = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)

    def begin(self) -> None:
        """Make the table and watch over it; raises :class:`Told`."""
        self._changes.setblocking(False)
        self._changes.bind((0, 1 << (_GROUP_NFTABLES - 1)))
        self._load(self._worker.settings)
        asyncio.get_running_loop().add_reader(self._changes, self._changed)

    def stop(self) -> None:
        """Take the table away; the WLAN is then any network to this machine."""
        asyncio.get_running_loop().remove_reader(self._changes)
        self._changes.close()
        if self._looking is not None:
            self._looking()
        try:
            if self._text:
                tell(remove())
        except FirewallError as error:
            _log.error("the rules of the WLAN stay: %s", error)

    def reload(self, settings: Settings) -> None:
        """Go on with the rules of ``settings``; raises :class:`Told`, and then the former ones stay.

        So they do where no WLAN is named any more: its ports are still open, and closed to all others by these rules.
        Other ports count from the next start of everybody.
        """
        if self._text and not settings.network.wlan_networks:
            raise Told("network.yaml names no wlan_networks any more; the rules stay until: schoolserver setup")
        self._load(replace(settings, network=replace(settings.network, listen=self._listen)))

    def _load(self, settings: Settings) -> None:
        wlan = wlan_of(settings)
        text = render(wlan) if wlan.networks else ""
        try:
            if text or self._text:
                tell(text or remove())
            self._standing = standing(f"inet {TABLE}")
        except FirewallError as error:
            raise Told(f"the firewall does not take the rules of the WLAN: {error}") from error
        self._text = text
        self._worker.status(status(len(wlan.networks), forwarding(_FORWARDING)))

    def _changed(self) -> None:
        """Something in the kernel's firewall is different; often it is not ours."""
        try:
            while self._changes.recv(65536):
                pass
        except BlockingIOError:
            pass
        except OSError:
            _log.debug("more has changed in the firewall than could be told")
        if self._looking is None:
            self._looking = self._loop.call_later(_SETTLE, self._look)

    def _look(self) -> None:
        self._looking = None
        try:
            if standing(f"inet {TABLE}") == self._standing:
                return
            if self._text:
                tell(self._text)
            self._standing = standing(f"inet {TABLE}")
        except FirewallError as error:
            _log.error("the rules of the WLAN cannot be looked after: %s", error)
        else:
            _log.warning("another program had changed the rules of the WLAN; they are as before")


def status(networks: int, forwards: bool) -> str:
    """Say in one line for ``systemctl status`` how many networks are taken, and what would not be safe."""
    if not networks:
        return "network.yaml names no wlan_networks: no network is taken"
    taken = f"{networks} network{'s' if networks > 1 else ''} of the WLAN: web by name, all else closed"
    open_way = "; this machine forwards packets (sysctl net.ipv4.ip_forward, net.ipv6.conf.all.forwarding), so that "
    return taken + (f"{open_way}all is open while this service is stopped" if forwards else "")


def forwarding(switches: Sequence[Path]) -> bool:
    """Whether the kernel's ``switches`` let packets pass from one network to another."""
    return any(switch.exists() and switch.read_text(encoding="ascii").strip() != "0" for switch in switches)


async def start(worker: Worker[Settings], loop: Loop) -> FirewallService:
    """Make the service and let it begin; raises :class:`Told` for the carer."""
    service = FirewallService(worker, loop)
    service.begin()
    return service
