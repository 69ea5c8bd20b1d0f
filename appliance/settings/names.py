"""The names under which programs reach the server, as its certificates carry them. Pure.

Who names the server to others (certificates, DNS, group policy) asks here, so that what is named is also certified.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.settings.load import Settings


def server_names(settings: Settings) -> tuple[str, ...]:
    """Return every name and address of the server: those of certificates.yaml, or the usual ones."""
    if settings.certificates.names:
        return settings.certificates.names
    mail = f"mail.{settings.school.domain}"
    if settings.directory.kind != "domain":
        return (mail,)
    return tuple(dict.fromkeys((mail, f"proxy.{settings.domain.name}", settings.domain.fqdn)))


def mail_names(settings: Settings) -> tuple[str, ...]:
    """Return the names at which mail programs look for their settings, once they know an address of the school."""
    return tuple(f"{one}.{settings.school.domain}" for one in ("autoconfig", "autodiscover"))


def certified_names(settings: Settings, unit: str) -> tuple[str, ...]:
    """Return the names that the local authority's certificate for ``unit`` carries beside this machine's own.

    Mail programs look for their settings at the domain itself, too.
    """
    if unit == "domain":
        return (settings.domain.fqdn, settings.domain.name)
    more = (*mail_names(settings), settings.school.domain) if unit == "autoconfig" else ()
    return tuple(dict.fromkeys((*server_names(settings), *more)))


def name_for(settings: Settings, service: str) -> str:
    """Return the name by which ``service`` (``mail``, ``proxy``, ``autoconfig``) is told to programs: a certified one.

    It is ``service`` in one of the school's domains if there is such a name, else the first that is no address.
    """
    names = [name for name in server_names(settings) if not _is_address(name)]
    ours = () if settings.certificates.certificate is not None else mail_names(settings)
    fitting = (name for name in (*names, *ours) if name.startswith(f"{service}."))
    return next(fitting, names[0] if names else settings.domain.fqdn)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
