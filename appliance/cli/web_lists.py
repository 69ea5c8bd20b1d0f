"""``schoolserver web lists``: the lists of the web filter, and renewing them now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.cli.server import call


@click.group(invoke_without_command=True)
@click.pass_context
def lists(context: click.Context) -> None:
    """The lists that say which site is in which category (web.yaml: lists): where from, how old, how large.

    They are renewed each night. What could not be had or was refused stays as it was, and the reason stands here.

    \b
    Examples:
      schoolserver web lists
      schoolserver web lists update
    """
    if context.invoked_subcommand is None:
        show(call("web.lists", {}))


@lists.command("update")
@click.option("--smaller", is_flag=True, help="Take lists, too, that have half of their former entries or fewer.")
def update(smaller: bool) -> None:
    """Ask for all lists now; they are in force within seconds after that, without a session ended.

    A list is taken when it is one: no public suffix such as de in it, no binary, not too large, and not half of what it
    was. What was not is told, and the last good one goes on.

    \b
    Example:
      schoolserver web lists update
    """
    done = call("web.lists-update", {"smaller": smaller}, title="Renewing the lists")
    if done["why"]:
        raise click.ClickException(done["why"])
    renewed = done["lists"] - done["problems"]
    click.echo(f"{renewed} of {done['lists']} lists are renewed; {done['entries']:,} entries are in force.")
    if done["problems"]:
        click.echo(f"{done['problems']} were not; see: schoolserver web lists", err=True)
        raise SystemExit(1)


def show(answer: dict[str, Any]) -> None:
    """Print an answer to ``web.lists``."""
    console = Console()
    table = Table("Categories", "From", "Entries", "Asked", "Changed", "Says", box=None, pad_edge=False)
    for one in answer["lists"]:
        few = ", ".join(one["categories"])
        times = (_day(one["checked"]), _day(one["changed"]))
        said = one["problem"] or (f"left out, as too wide: {', '.join(one['left_out'])}" if one["left_out"] else "")
        table.add_row(escape(few), escape(one["url"]), f"{one['entries']:,}", *times, escape(said))
    console.print(table if answer["lists"] else "No list is fetched (web.yaml: lists.sources is empty).")
    total = sum(answer["entries"].values())
    console.print(
        f"\n{total:,} entries in {len(answer['entries'])} categories are in force since {_day(answer['made'])}:"
    )
    console.print(escape(", ".join(f"{name} {count:,}" for name, count in sorted(answer["entries"].items()))))
    if answer["left_out"]:
        console.print(f"{answer['left_out']} expressions were left out: they are none, or match every address.")
    if answer["problem"]:
        console.print(escape(answer["problem"]), style="red")


def _day(instant: str | None) -> str:
    return "never" if instant is None else f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M}"
