"""``schoolserver users import``: a roster file becomes accounts, after its plan was shown."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from appliance.auth.envelope import Keys, open_passwords
from appliance.cli import users_passwords
from appliance.cli.server import call

_LARGEST = 700_000
"""Bytes of a roster: with base64 it has to fit into a request of 1 MiB."""
_GOES_ON = "The import cannot be stopped halfway; its passwords would be lost. Please wait."


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask on a terminal before acting.")
@click.option("--profile", help="Names of the file's columns, as in accounts.yaml.")
@click.option("--allow-gone", is_flag=True, help="Act although suspiciously many accounts are not in the file.")
@click.option(
    "--consent",
    "consents",
    multiple=True,
    type=click.Choice(["account", "logs", "video", "third-party"]),
    help="You have this consent on paper for everybody in the file; can be repeated.",
)
@click.option("--consent-version", default="", help="Which text was signed, for example 2026-08.")
@click.option(
    "--passwords",
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file for the one-time passwords (default: one-time-passwords-DATE-TIME.csv here).",
)
def users_import(
    file: Path,
    dry_run: bool,
    yes: bool,
    profile: str | None,
    allow_gone: bool,
    consents: tuple[str, ...],
    consent_version: str,
    passwords: Path | None,
) -> None:
    """Import the roster FILE (CSV with a header, in any of the usual encodings).

    The plan comes first: who is new, changed, moves to another class, has gone. New accounts need the consent to an
    account; their one-time passwords are written to a new file that only you can read. Who is not in the file any more
    is disabled, not deleted. The same file twice changes nothing.

    \b
    Examples:
      schoolserver users import schueler.csv --dry-run
      schoolserver users import schueler.csv --consent account --consent logs --consent-version 2026-08
    """
    if consents and not consent_version:
        raise click.UsageError("--consent needs --consent-version: which text was signed")
    content = file.read_bytes()
    if len(content) > _LARGEST:
        raise click.ClickException(
            f"{file} has {len(content):,} bytes; a roster may have {_LARGEST:,}, about 10,000 people. "
            "Is it the right file?"
        )
    keys = Keys.generate()
    request = {
        "content": base64.b64encode(content).decode("ascii"),
        "filename": file.name,
        "profile": profile,
        "consents": list(consents),
        "consent_version": consent_version,
        "recipient": keys.public,
        "allow_gone": allow_gone,
    }
    plan = call("users.import", {**request, "dry_run": True})["plan"]
    for line in plan_lines(plan):
        click.echo(line)
    if dry_run:
        click.echo("Nothing was changed (--dry-run).", err=True)
        return
    if not yes and os.isatty(0) and os.isatty(1):
        click.confirm("Do this?", abort=True)
    path = passwords or users_passwords.new_name()
    with users_passwords.new_file(path) as target, users_passwords.until_the_end(_GOES_ON):
        result = call("users.import", {**request, "dry_run": False}, title="Importing")
        given = open_passwords(keys, result["sealed"] or "")
        users_passwords.write(target, given, result["plan"]["new"])
    click.echo("Done.")
    if given:
        click.echo(users_passwords.told(given, path))
    for warning in result.get("warnings", ()):
        click.echo(f"Warning: {warning}", err=True)


def plan_lines(plan: dict[str, Any]) -> Sequence[str]:
    """The plan of an import as lines for the carer."""
    lines = []
    for entry in plan["new"]:
        lines.append(f"new      {entry['login']}  {entry['name']}  {' '.join(entry['groups'])}".rstrip())
    for entry in plan["changed"]:
        what = ", ".join(f"{name}: {old} -> {new}" for name, (old, new) in entry["what"].items())
        lines.append(f"changed  {entry['login']}  {what}")
    for entry in plan["moved"]:
        what = " ".join([*(f"-{name}" for name in entry["leaves"]), *(f"+{name}" for name in entry["joins"])])
        lines.append(f"moved    {entry['login']}  {what}")
    lines += [f"back     {login}" for login in plan["returned"]]
    lines += [f"gone     {login}" for login in plan["gone"]]
    lines += [f"password {login}  never got a one-time password" for login in plan["unissued"]]
    lines += [f"waiting  {entry['name']} (line {entry['line']}): no consent to an account" for entry in plan["waiting"]]
    counts = ", ".join(
        f"{len(plan[part])} {part}"
        for part in ("new", "changed", "moved", "returned", "gone", "unissued", "waiting")
        if plan[part]
    )
    return [*lines, f"Plan: {counts or 'nothing to do'}."]
