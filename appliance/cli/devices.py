"""``schoolserver devices``: whose device is at which address, where the address is all that is known (K20)."""

from __future__ import annotations

import json

import click
from rich.table import Table

from appliance.cli.server import call
from appliance.cli.tables import minute, wide_console


@click.group()
def devices() -> None:
    """Whose device is at which address: who comes from there over the school's WLAN is taken for its owner.

    An address without owner is a device of nobody, to whom is open only what is open to all.

    \b
    Examples:
      schoolserver devices bind 10.1.40.7 fred.mustermann --until '2026-11-23 16:00'
      schoolserver devices list
    """


@devices.command("bind")
@click.argument("address")
@click.argument("login")
@click.option(
    "--until",
    required=True,
    metavar="DATE",
    help="Ends by itself after that day (2026-12-18), or then ('2026-12-18 13:00').",
)
def devices_bind(address: str, login: str, until: str) -> None:
    """Let ADDRESS be the device of LOGIN until a date, within two seconds.

    It must lie in a network of the school (network.yaml: networks). A former binding of ADDRESS ends, and with it what
    its owner has open there. Give no longer than the device keeps the address. Who bound it is recorded.

    \b
    Example:
      schoolserver devices bind 10.1.40.7 fred.mustermann --until '2026-11-23 16:00'
    """
    answer = call("devices.bind", {"address": address, "login": login, "until": until})
    click.echo(f"{answer['address']} is a device of {answer['login']} until {until}.")
    if former := answer.get("former"):
        click.echo(f"Note: it was one of {former} until now.", err=True)


@devices.command("release")
@click.argument("address")
def devices_release(address: str) -> None:
    """End the binding of ADDRESS before its time; what its owner has open there ends within two seconds.

    \b
    Example:
      schoolserver devices release 10.1.40.7
    """
    answer = call("devices.release", {"address": address})
    click.echo(f"{answer['address']} is nobody's device again.")


@devices.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
def devices_list(as_json: bool) -> None:
    """List the devices that are bound now.

    \b
    Examples:
      schoolserver devices list
      schoolserver devices list --json | jq '.devices | length'
    """
    answer = call("devices.list", {})
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    table = Table("Address", "Login", "Since", "Until", "By", box=None, pad_edge=False)
    for one in answer["devices"]:
        table.add_row(one["address"], one["login"], minute(one["since"]), minute(one["until"]), one["by"])
    wide_console().print(table)
    click.echo(f"{len(answer['devices'])} devices", err=True)
