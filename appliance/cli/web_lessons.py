"""``schoolserver web block-room``, ``exam``, ``allow``, ``end`` and ``lessons``: what is set for a lesson."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click
from rich.table import Table

from appliance.cli.server import call
from appliance.cli.tables import minute, wide_console

_Command = TypeVar("_Command", bound=Callable[..., None])


def _until(command: _Command) -> _Command:
    told = "Ends by itself then: a time of today (10:35), or '2026-11-23 10:35'; web.yaml says how long at the most."
    return click.option("--until", required=True, metavar="TIME", help=told)(command)


def _as(command: _Command) -> _Command:
    told = "In the name of this teacher, and with no more rights than he has."
    return click.option("--as", "leader", metavar="LOGIN", help=told)(command)


@click.command("block-room")
@click.argument("room")
@_until
@_as
def block_room(room: str, until: str, leader: str | None) -> None:
    """Close the web to all pupils in ROOM (network.yaml), within two seconds, for a while.

    What is under way there ends; teachers go on. Sites opened to a class or the room (web allow) stay open.

    \b
    Example:
      schoolserver web block-room 12 --until 10:35
    """
    answer = call("web.block-room", {"room": room, "until": until, "as": leader})
    click.echo(f"No web for pupils in room {answer['room']} until {minute(answer['until'])}.")
    _replaced(answer)


@click.command("exam")
@click.argument("group")
@click.option("--allow", "targets", multiple=True, metavar="SITE", help="A site that stays open; as often as needed.")
@click.option("--room", metavar="ROOM", help="These sites are open in this room alone.")
@click.option("--log-on", is_flag=True, help="Log-on at PCs stays open: after a restart, or a screen that was locked.")
@_until
@_as
def exam(group: str, targets: tuple[str, ...], room: str | None, log_on: bool, until: str, leader: str | None) -> None:
    """Let the pupils of GROUP write an exam: nothing but the sites that are named, within two seconds, for a while.

    Mail, the folders of groups and log-on at one more PC are closed to them until then; their own folder stays open,
    and so do sites that web.yaml opens always.
    They should have logged on before. Asked for again, it takes the place of what was set.

    \b
    Examples:
      schoolserver web exam klasse4b --until 10:35
      schoolserver web exam klasse4b --allow example.org --allow example.net --room 12 --until 10:35
    """
    asked = {"group": group, "targets": list(targets), "room": room, "log_on": log_on, "until": until, "as": leader}
    answer = call("web.exam", asked)
    sites = ", ".join(answer["targets"]) or "nothing"
    where = f" in room {answer['room']}" if answer["room"] else ""
    click.echo(f"{answer['group']} ({answer['pupils']} pupils) writes an exam until {minute(answer['until'])}.")
    click.echo(f"Open on the web: {sites}{where}.")
    _replaced(answer)


@click.command("allow")
@click.argument("whom", metavar="GROUP|ROOM")
@click.argument("targets", metavar="SITE...", nargs=-1, required=True)
@_until
@_as
def allow(whom: str, targets: tuple[str, ...], until: str, leader: str | None) -> None:
    """Open each SITE, with all below it, to the pupils of GROUP or in ROOM for a while, whatever rules close it.

    Not to whom the web is closed altogether, and not in an exam.

    \b
    Example:
      schoolserver web allow klasse3a example.org --until 10:35
    """
    answer = call("web.allow", {"whom": whom, "targets": list(targets), "until": until, "as": leader})
    click.echo(f"{', '.join(answer['targets'])} open to {_whom(answer)} until {minute(answer['until'])}.")
    if answer.get("exam"):
        click.echo("Not while its exam lasts: what is open then says web exam --allow.", err=True)
    _replaced(answer)


@click.command("end")
@click.argument("what", metavar="[GROUP|ROOM]", required=False)
@click.option("--number", metavar="N", help="Only this one, by its number (web lessons).")
@_as
def end(what: str | None, number: str | None, leader: str | None) -> None:
    """End all that is set for GROUP or ROOM before its time, or one measure by its number.

    \b
    Examples:
      schoolserver web end klasse4b
      schoolserver web end --number 7
    """
    if (what is None) == (number is None):
        raise click.UsageError("say either GROUP or ROOM, or --number")
    answer = call("web.end", {"what": what, "number": number, "as": leader})
    for one in answer["ended"]:
        click.echo(f"Ended: {one['measure']} for {_whom(one)}.")


@click.command("lessons")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@_as
def lessons(as_json: bool, leader: str | None) -> None:
    """List what is set for lessons now.

    \b
    Examples:
      schoolserver web lessons
      schoolserver web lessons --as anna.lehmann
    """
    answer = call("web.lessons", {"as": leader})
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    table = Table("Number", "What", "Whom", "Sites", "Until", "By", box=None, pad_edge=False)
    for one in answer["lessons"]:
        sites = ", ".join(one["targets"])
        table.add_row(str(one["number"]), one["measure"], _whom(one), sites, minute(one["until"]), one["by"])
    wide_console().print(table)
    click.echo(f"{len(answer['lessons'])} set for lessons", err=True)


LESSONS = (block_room, exam, allow, end, lessons)
"""The commands, as ``schoolserver web`` has them."""


def _whom(one: dict[str, Any]) -> str:
    room = f"room {one['room']}" if one["room"] else ""
    return " in ".join(part for part in (one["group"], room) if part) or "a group that is gone"


def _replaced(answer: dict[str, Any]) -> None:
    if answer["replaced"]:
        click.echo("It takes the place of what was set before.", err=True)
