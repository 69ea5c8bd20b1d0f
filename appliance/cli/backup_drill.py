"""``schoolserver backup drill`` and ``report``: whether the backup can be restored, tried, and told to the head."""

from __future__ import annotations

import click

from appliance.cli.server import call
from appliance.daemon.texts import LANGUAGES


@click.command("drill")
def drill() -> None:
    """Try the backup now, as it is tried each week: restore a sample of it to scratch and compare.

    Files of people of each role, of groups and one whole mailbox, chosen by chance, are fetched and compared with what
    this server signed when they were saved; the backup server verifies a part of all files by itself. Nobody opens any
    of it, and nothing of it stays. Exit code 0: nothing wrong, 1: faults were found, or it could not be tried.

    \b
    Example:
      schoolserver backup drill
    """
    done = call("backup.drill", {}, title="Drill")
    for name, (units, files) in done["tried"].items():
        click.echo(f"{name}: {units} tried, {files} files and folders restored and compared")
    slices = ", ".join(str(number + 1) for number in done["slices"]) or "none"
    click.echo(
        f"Verified over there: {done['files']} files and folders, {done['bytes'] / 1e6:,.1f} MB (slice {slices})."
    )
    for part, kinds in done["faults"].items():
        for kind, many in kinds.items():
            click.echo(f"FAULT in {part}: {kind}, {many} times")
    if done["well"]:
        click.echo(f"Nothing wrong with the snapshot {done['snapshot']}.")
        return
    click.echo(f"What it is about is in {done['findings']}, for root alone. See schoolserver backup report.")
    raise SystemExit(1)


@click.command("report")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the page; default: that of the school.")
def report(language: str | None) -> None:
    """Print a page for the head: how the backup was tried, what was found, since when, and what is to be done.

    It names nobody. The result that it tells of was signed when it was found, which is checked.

    \b
    Examples:
      schoolserver backup report | lp
      schoolserver backup report --language en
    """
    click.echo(call("backup.report", {"language": language})["page"], nl=False)
