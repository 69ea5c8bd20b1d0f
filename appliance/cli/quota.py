"""``schoolserver quota``: how much space somebody has for mail and files, and how much of it is used (K11)."""

from __future__ import annotations

import click

from appliance.cli.server import call

_MB = 10**6


@click.group()
def quota() -> None:
    """Space for mail and files together (quota.yaml): show it, set it for one account, count the disk.

    \b
    Examples:
      schoolserver quota show fred.mustermann
      schoolserver quota set fred.mustermann --size 2GB --until 2026-12-18 --reason 'video club'
    """


@quota.command("show")
@click.argument("login")
def quota_show(login: str) -> None:
    """Show how much space LOGIN has and uses, and which setting or exception says so.

    \b
    Example:
      schoolserver quota show fred.mustermann
    """
    answer = call("quota.show", {"login": login})
    click.echo(f"Used:   {_mb(answer['used'])} (mail {_mb(answer['mail'])}, files {_mb(answer['files'])})")
    click.echo(f"Quota:  {_mb(answer['quota']) if answer['quota'] else 'none'}")
    if answer["left"] is not None:
        click.echo(f"Left:   {_mb(answer['left'])}")
    if answer["reason"]:
        click.echo(f"Set by: {answer['by']}, until {answer['until'] or 'further notice'}: {answer['reason']}")
    else:
        click.echo(f"Set by: {answer['source']}")
    if not answer["counted"]:
        click.echo("The disk has not been counted yet; only what was written since the start is in these numbers.")


@quota.command("set")
@click.argument("login")
@click.option("--size", required=True, help="How much, for example 2GB; 0B for no bound.")
@click.option("--until", metavar="DATE", help="Ends by itself after that day, for example 2026-12-18 (default: stays).")
@click.option("--reason", required=True, help="Why; kept with your name.")
def quota_set(login: str, size: str, until: str | None, reason: str) -> None:
    """Give LOGIN another quota than the role has. Who did it is recorded.

    \b
    Example:
      schoolserver quota set fred.mustermann --size 2GB --until 2026-12-18 --reason 'video club'
    """
    answer = call("quota.set", {"login": login, "size": size, "until": until, "reason": reason})
    space = _mb(answer["quota"]) if answer["quota"] else "space without bound"
    click.echo(f"{answer['login']} has {space} ({f'until {until}' if until else 'until it is set anew'}).")


@quota.command("reset")
@click.argument("login")
@click.option("--reason", required=True, help="Why; recorded with your name.")
def quota_reset(login: str, reason: str) -> None:
    """Give LOGIN the quota of the role again.

    \b
    Example:
      schoolserver quota reset fred.mustermann --reason 'the video club is over'
    """
    answer = call("quota.reset", {"login": login, "reason": reason})
    click.echo(f"{answer['login']} has {_mb(answer['quota']) if answer['quota'] else 'space without bound'} again.")


@quota.command("count")
def quota_count() -> None:
    """Count the disk now, as it is done each night; the figures of everybody follow what lies there.

    \b
    Example:
      schoolserver quota count
    """
    answer = call("usage.reconcile", {}, title="Counting")
    click.echo(f"{answer['accounts']} accounts counted, {answer['corrected']} corrected.")
    if answer["unsettled"]:
        click.echo(f"{answer['unsettled']} were written to all the time and stay as they were; count again later.")
    for place in answer["deep"]:
        click.echo(f"{place} has folders so deep in each other that the nightly copy may not be whole: move them up.")


def _mb(size: int) -> str:
    """Megabytes, as the settings count them (20 MB are 20,000,000 bytes)."""
    return f"{size / _MB:,.1f} MB"
