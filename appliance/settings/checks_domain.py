"""What must fit together for the domain that PCs join."""

from __future__ import annotations

from collections.abc import Callable

from appliance.daemon.oneself import leads_here
from appliance.daemon.options_reading import Reading
from appliance.settings.domain import DomainSettings, completed


def _below_the_school(reading: Reading) -> None:
    """Its certificate is the local authority's, which is believed within the school's domain only."""
    school, name = reading.value("school.domain"), reading.value("domain.name")
    if name not in ("auto", school) and not name.endswith(f".{school}"):
        reading.report(reading.sources["domain.name"], name, f"auto, {school}, or a name that ends in .{school}")


def _two_short_names(reading: Reading) -> None:
    """Server and domain stand in one list of short names."""
    if reading.value("directory.kind") != "domain":
        return
    asked = {key: reading.value(f"domain.{key}") for key in ("name", "workgroup", "host")}
    alone = DomainSettings(**asked, interfaces=(), dns_forwarders=(), time_servers=())
    found = completed(alone, reading.value("school.domain"))
    if found.host.upper() == found.workgroup:
        source = reading.sources["domain.host" if asked["host"] != "auto" else "domain.workgroup"]
        reading.report(source, f"server and domain both called {found.workgroup}", "two different names")


def _not_local(reading: Reading) -> None:
    """Devices ask each other for names in .local, and no server (RFC 6762, 3)."""
    asked = reading.value("domain.name")
    name = reading.value("school.domain") if asked == "auto" else asked
    if reading.value("directory.kind") == "domain" and name.endswith(".local"):
        source = reading.sources["school.domain" if asked == "auto" else "domain.name"]
        reading.report(source, name, "a name that does not end in .local, which many devices ask no server for")


def _asks_others(reading: Reading) -> None:
    """A domain that asks itself for the names it does not know asks in circles."""
    if reading.value("directory.kind") != "domain":
        return
    for number, address in enumerate(reading.value("domain.dns_forwarders")):
        if leads_here(address):
            source = reading.sources[f"domain.dns_forwarders[{number}]"]
            reading.report(source, f"{address}, which is this server itself", "the address of another DNS server")


DOMAIN_CHECKS: tuple[Callable[[Reading], None], ...] = (_below_the_school, _two_short_names, _not_local, _asks_others)
