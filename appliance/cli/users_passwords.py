"""One-time passwords for the office to hand out: the file they come in, and ``schoolserver users first-passwords``."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import click

from appliance.auth.envelope import Keys, open_passwords
from appliance.cli.server import call


@click.command("first-passwords")
@click.option("--group", help="Only members of this group, for example klasse3a.")
@click.option("--dry-run", is_flag=True, help="Only say who would get one.")
@click.option(
    "--passwords",
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file for the one-time passwords (default: one-time-passwords-DATE-TIME.csv here).",
)
def first_passwords(group: str | None, dry_run: bool, passwords: Path | None) -> None:
    """Give a one-time password to everybody who never got a password, class by class.

    So it is after accounts have moved into the domain: passwords cannot move. The passwords are written to a new file
    that only you can read. Who has a password already keeps it; somebody who forgot his: users reset-password.

    \b
    Examples:
      schoolserver users first-passwords --dry-run
      schoolserver users first-passwords --group klasse3a --passwords klasse3a.csv
    """
    if dry_run:
        people = call("users.first-passwords", {"group": group})["people"]
        for person in people:
            click.echo(f"password {person['login']}  {person['name']}  {' '.join(person['groups'])}".rstrip())
        click.echo(f"{len(people)} people have no password yet. Nothing was changed (--dry-run).", err=True)
        return
    keys = Keys.generate()
    path = passwords or new_name()
    with new_file(path) as target, until_the_end("The passwords would be lost. Please wait."):
        result = call("users.first-passwords", {"group": group, "recipient": keys.public}, title="First passwords")
        given = open_passwords(keys, result["sealed"] or "")
        write(target, given, result["people"])
    if given:
        click.echo(told(given, path))
    else:
        click.echo(
            "Everybody has a password already; nothing was changed." if not result["people"] else "None was given."
        )
    for warning in result["warnings"]:
        click.echo(f"Warning: {warning}", err=True)


def new_name() -> Path:
    """A name that says when."""
    return Path(f"one-time-passwords-{datetime.now():%Y%m%d-%H%M%S}.csv")


def told(given: Mapping[str, str], path: Path) -> str:
    """What the carer has to do with the file."""
    return f"{len(given)} one-time passwords are in {path}. Hand them out in person, then delete the file."


def write(target: TextIO, given: Mapping[str, str], people: Sequence[Mapping[str, Any]]) -> None:
    """One line a person, for the office to cut into strips, in the order of ``people``; nothing where nobody is."""
    known = {entry["login"]: entry for entry in people}
    writer = csv.writer(target, delimiter=";")
    if given:
        writer.writerow(("Login", "Name", "Gruppen", "Einmalpasswort"))
    for login in (*(login for login in known if login in given), *(login for login in given if login not in known)):
        person = known.get(login, {"name": "", "groups": []})
        writer.writerow((login, person["name"], " ".join(person["groups"]), given[login]))


@contextmanager
def until_the_end(words: str) -> Iterator[None]:
    """The server does it to its end; who left before would lose the one-time passwords, so Ctrl-C says ``words``."""

    def tell(_number: int, _frame: FrameType | None) -> None:
        click.echo(words, err=True)

    before = signal.signal(signal.SIGINT, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """A new file of mode 0600, there before anything is changed; it goes when nothing was written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise click.ClickException(
            f"cannot make the new file {path} for the one-time passwords ({error.strerror}); nothing was changed. "
            "Name another with --passwords."
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as target:
        try:
            yield target
        finally:
            target.flush()
            os.fsync(target.fileno())
            if not target.tell():
                path.unlink()
