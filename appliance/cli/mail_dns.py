"""``schoolserver mail dns``: what another DNS server has to say so that mail programs find the school's mail."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import click

from appliance.cli.check import settings_option
from appliance.daemon.options import SettingsError
from appliance.daemon.own_addresses import own_addresses
from appliance.settings.load import Settings, load
from appliance.settings.mail_offers import Record, host_records, service_records

_TTL = 3600


@click.command("dns")
@settings_option
@click.option("--address", "addresses", multiple=True, help="An address of the server; several by repeating it.")
def mail_dns(folder: Path, addresses: tuple[str, ...]) -> None:
    """Print the DNS records by which mail programs set themselves up, for a DNS server of somebody else.

    A domain of the school's own has them already. They are lines of a zone file (RFC 1035): names of this server, and
    where mail is read and handed in (RFC 6186, RFC 8314). Without --address they have this machine's addresses in the
    school's networks (network.yaml). No server is needed and nothing is changed.

    \b
    Examples:
      schoolserver mail dns
      schoolserver mail dns --address 10.1.0.2 --address fd12::2
    """
    try:
        settings = load(folder)
        given = [str(ip_address(one)) for one in addresses]
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.UsageError(f"--address: {error}") from None
    own = given or [str(one) for one in own_addresses(settings.network.networks, settings.domain.interfaces)]
    if not own:
        click.echo("; This machine has no address in the school's networks; give it with --address.", err=True)
    for line in zone_lines(settings, own):
        click.echo(line)


def zone_lines(settings: Settings, addresses: list[str]) -> list[str]:
    """Return the records as lines of a zone file, sorted by name; names are whole and end with a dot."""
    found = host_records(settings, addresses) | service_records(settings, settings.school.domain)
    return [
        f"{name}. {_TTL} IN {record.kind} {_data(record)}" for name in sorted(found) for record in sorted(found[name])
    ]


def _data(record: Record) -> str:
    """A zone file takes a name without a dot at its end for one below the zone."""
    return record.data if record.kind != "SRV" or record.data.endswith(" .") else f"{record.data}."
