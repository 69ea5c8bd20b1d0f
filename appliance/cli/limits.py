"""``schoolserver limits``: how large a transfer may be, and exceptions agreed with an administrator (K12)."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from appliance.cli.server import call
from appliance.cli.tables import wide_console
from appliance.daemon.options_numbers import format_size


@click.group()
def limits() -> None:
    """The one limit on transfers (access.yaml: limits), and exemptions from it.

    \b
    Examples:
      schoolserver limits show fred.mustermann
      schoolserver limits allow klasse3a --size 500MB --until 2026-12-18 --reason 'film of the class'
    """


@limits.command("allow")
@click.argument("target", metavar="LOGIN|GROUP")
@click.option("--size", required=True, help="Up to which size, both ways, for example 500MB.")
@click.option("--until", required=True, metavar="DATE", help="Ends by itself after that day, for example 2026-12-18.")
@click.option("--reason", required=True, help="Why; kept with your name.")
def limits_allow(target: str, size: str, until: str, reason: str) -> None:
    """Let LOGIN, or all members of GROUP, transfer more than the limit, in every service, until a date.

    An earlier exemption of the same account or group is replaced. Who granted it is recorded.

    \b
    Example:
      schoolserver limits allow fred.mustermann --size 500MB --until 2026-12-18 --reason 'film for the open day'
    """
    answer = call("limits.allow", {"target": target, "size": size, "until": until, "reason": reason})
    whom = answer.get("login") or answer.get("group")
    click.echo(f"{whom} may transfer up to {format_size(answer['size'])} until {until}.")


@limits.command("revoke")
@click.argument("target", metavar="LOGIN|GROUP")
def limits_revoke(target: str) -> None:
    """End an exemption before its date.

    \b
    Example:
      schoolserver limits revoke fred.mustermann
    """
    call("limits.revoke", {"target": target})
    click.echo(f"{target} has the usual limits again.")


@limits.command("show")
@click.argument("target", metavar="[LOGIN|GROUP]", required=False)
@click.option("--room", metavar="ROOM", help="As it is in this room (network.yaml).")
def limits_show(target: str | None, room: str | None) -> None:
    """Show the limits and all exemptions; of a LOGIN, what applies in each service and which line says so.

    \b
    Examples:
      schoolserver limits show
      schoolserver limits show fred.mustermann --room 12
    """
    answer = call("limits.show", {"target": target, "room": room})
    console = wide_console()
    if "services" in answer:
        console.print(_of_an_account(answer["services"]))
    else:
        table = Table("Whom", "Upload", "Download", "Says", box=None, pad_edge=False)
        for line in answer["limits"]:
            table.add_row(line["whom"], _size(line["upload"]), _size(line["download"]), line["source"])
        console.print(table)
    for one in answer["exemptions"]:
        whom = one["login"] or f"group {one['group']}"
        size = format_size(one["size"])
        click.echo(f"Exemption: {whom}, up to {size} until {one['until']}, by {one['by']}: {one['reason']}")


def _of_an_account(services: list[dict[str, Any]]) -> Table:
    table = Table("Service", "Upload", "Says", "Download", "Says", box=None, pad_edge=False)
    for one in services:
        up, down = format_size(one["upload"]), format_size(one["download"])
        way = one.get("download_unlimited_over")
        down += f" (not over {way})" if way else ""
        table.add_row(one["service"], up, one["upload_source"], down, one["download_source"])
    return table


def _size(count: int | None) -> str:
    return "-" if count is None else format_size(count)
