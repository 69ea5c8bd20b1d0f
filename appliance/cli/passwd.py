"""``schoolserver passwd``: somebody changes his own password (K04)."""

from __future__ import annotations

import getpass
from typing import BinaryIO

import click

from appliance.auth.envelope import seal
from appliance.cli.language import say
from appliance.cli.server import call


def _two_lines(given: BinaryIO) -> list[str]:
    try:
        lines = [given.readline().decode("utf-8").rstrip("\r\n") for _line in range(2)]
    except UnicodeDecodeError:
        raise click.UsageError("--stdin reads UTF-8") from None
    if not all(lines):
        raise click.UsageError("--stdin reads two lines: the old password and the new one")
    return lines


@click.command()
@click.argument("login")
@click.option("--stdin", is_flag=True, help="Read the old and the new password from standard input, a line each.")
def passwd(login: str, stdin: bool) -> None:
    """Change the password of LOGIN; the old (or one-time) password is asked for first.

    A one-time password opens nothing until it is changed here. Sessions opened with the old password end. The passwords
    travel sealed to the process that checks them; nothing in between can read them.

    \b
    Example:
      schoolserver passwd fred.mustermann
    """
    _ = say()
    if stdin:
        old, new = _two_lines(click.get_binary_stream("stdin"))
    else:
        old = getpass.getpass(_("Old password: "))
        new = getpass.getpass(_("New password: "))
        if getpass.getpass(_("New password again: ")) != new:
            raise click.ClickException(_("The two new passwords differ; nothing was changed."))
    key = call("auth.key", {})["key"]
    answer = call("passwd", {"envelope": seal({"login": login, "old": old, "new": new}, key)})
    match answer["answer"]:
        case "changed":
            click.echo(_("The password is changed. Sessions opened with the old one end now."))
        case "weak":
            listed = "\n".join(f"  - {_(problem)}" for problem in answer["problems"])
            raise click.ClickException(_("The new password is not good enough; nothing was changed:") + f"\n{listed}")
        case "refused":
            raise click.ClickException(_("The old password is not right; nothing was changed."))
        case _other:
            text = "The password cannot be changed at the moment; nothing was changed. Try again in a few minutes."
            raise click.ClickException(_(text))
