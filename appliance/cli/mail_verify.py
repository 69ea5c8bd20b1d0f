"""``schoolserver mail verify``: whether this server delivered a message, and whether it is unchanged since."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from appliance.cli.server import call


@click.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def mail_verify(file: Path) -> None:
    """Say whether this server delivered the message in FILE, when and from whom, and that nothing was changed since.

    FILE is a message as it lies in a mailbox, or as a mail program saved it. Only its first line and a digest go to the
    server, which carries a mark into each message that it delivers. Whoever puts a message into a box himself can write
    any sender into it, but no mark. Exit code 1: the mark does not fit, as the message was changed or forged, or there
    is none, as somebody put it into the box himself or it is older than the marks.

    \b
    Example:
      schoolserver mail verify message.eml
    """
    if find_spec("appliance.mail") is None:
        raise click.ClickException("this server has no mail (package schoolserver-mail), so it delivered none")
    from appliance.mail.seal import evidence  # of a package that may be missing

    try:
        with file.open("rb") as opened:
            found = evidence(opened)
    except OSError as problem:
        raise click.ClickException(f"{file} cannot be read: {problem.strerror}") from None
    answer = call("mail.verify", {"line": found.line, "digest": found.digest})
    if not answer["delivered"]:
        click.echo(_not_genuine(answer))
        raise click.exceptions.Exit(1)
    click.echo(f"GENUINE: delivered by this server as {answer['id']}, unchanged since.")
    click.echo(f"When:   {answer['at']}")
    click.echo(f"Sender: {_shown(answer['sender'])}")


def _not_genuine(answer: Mapping[str, Any]) -> str:
    if answer["marked"]:
        return "NOT GENUINE: it carries a mark that does not fit. It was changed since, or the mark is forged."
    if answer["since"] is None:
        return "NO MARK: this server has not marked any mail yet, so this cannot be told."
    return (
        f"NO MARK: mail that this server delivered since {answer['since']} carries one, so if it is said to be newer, "
        "somebody put it into the box himself. Of older mail this cannot be told."
    )


def _shown(sender: str | None) -> str:
    if sender is None:
        return "see its Return-Path"
    return (
        "".join(each if each.isprintable() else "?" for each in sender) or "the server itself, or a report of delivery"
    )
