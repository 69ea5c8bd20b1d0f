"""From the settings to what PCs are told. Pure but for the certificate that it is handed.

May live here: which setting becomes what. May not: formats, values of the registry (``group_policy_content``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from appliance.directory.domain.group_policy_content import Script, Told
from appliance.directory.domain.group_policy_drives import Drive, Members
from appliance.settings.web_script import web_script

if TYPE_CHECKING:
    from appliance.settings.load import Settings


def told_by(settings: Settings, authority: bytes | None, staff: Sequence[Members]) -> Told:
    """Return what these settings tell PCs; ``authority`` is the school's CA (DER), ``staff`` the staff's groups."""
    return Told(
        proxy=_proxy(settings),
        authority=authority,
        drives=tuple(_drives(settings, staff)),
        cached_log_ons=settings.pcs.cached_log_ons,
        lock_after=round(settings.pcs.lock_after),
    )


def _proxy(settings: Settings) -> Script | str | None:
    wanted, address = settings.pcs.proxy, settings.network.listen["proxy-tls"]
    if wanted not in ("auto", "none"):
        return wanted
    if wanted == "none" or ip_address(address.host).is_loopback:
        return None
    return Script(web_script(settings))


def _drives(settings: Settings, staff: Sequence[Members]) -> Iterator[Drive]:
    server, pcs = rf"\\{settings.domain.fqdn}", settings.pcs
    if pcs.home_drive is not None:
        yield Drive(pcs.home_drive, rf"{server}\Home", "Home")
    if pcs.groups_drive is not None:
        yield Drive(pcs.groups_drive, rf"{server}\Groups", "Groups")
    if pcs.staff_drive is not None and staff:
        yield Drive(pcs.staff_drive, rf"{server}\Staff", "Staff", staff)
