"""``schoolserver status``: whether everything is well."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from appliance.cli.server import call


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON, for scripts and monitoring.")
def status(as_json: bool) -> None:
    """Say whether everything is well: processes, probes, directory, disks. Exit code 0: well, 1: not.

    A probe signs in to a service with a hidden account every few seconds, moves bytes and compares them. Nothing shown
    here speaks of a person.

    \b
    Examples:
      schoolserver status
      schoolserver status --json | jq .healthy
    """
    answer = call("status", {})
    if as_json:
        click.echo(json.dumps(answer, indent=1))
    else:
        show(answer)
    raise SystemExit(0 if answer["healthy"] else 1)


def show(answer: dict[str, Any]) -> None:
    """Print the table of an answer to ``status``."""
    console = Console()
    table = Table("", "Name", "State", "Memory", "Restarts", "Says", box=None, pad_edge=False)
    for unit in answer["units"]:
        memory = f"{unit['memory'] / 2**20:.0f} MiB" if unit["memory"] else ""
        table.add_row(_mark(unit["ok"]), unit["name"], unit["state"], memory, str(unit["restarts"]), unit["status"])
    for probe in answer["probes"]:
        age = "not yet run" if probe["age"] is None else f"{probe['age']:.0f} s ago"
        table.add_row(_mark(probe["ok"]), f"probe {probe['name']}", age, "", "", probe["text"])
    for check in answer["checks"]:
        table.add_row(_mark(check["ok"]), check["name"], "", "", "", check["text"])
    console.print(table)
    console.print(f"\n[bold {'green' if answer['healthy'] else 'red'}]{answer['summary']}[/]")


def _mark(good: bool) -> str:
    return "[green]ok[/]" if good else "[red]BAD[/]"
