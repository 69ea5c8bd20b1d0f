"""``schoolserver users``: the accounts. What lists and changes single accounts; the import has a file of its own."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from appliance.auth.envelope import Keys, open_passwords
from appliance.cli.server import call
from appliance.cli.tables import wide_console
from appliance.cli.users_import import users_import
from appliance.cli.users_passwords import first_passwords

_SERVICES = click.Choice(["mail", "files", "web", "pc"])
_CONSENTS = click.Choice(["account", "logs", "video", "third-party"])


@click.group()
def users() -> None:
    """Accounts: list, show, lock, unlock, reset a password, consents, import.

    \b
    Examples:
      schoolserver users list --group klasse3a
      schoolserver users import schueler.csv --dry-run
    """


users.add_command(users_import)
users.add_command(first_passwords)


@users.command("list")
@click.option("--group", help="Only members of this group, for example klasse3a.")
@click.option("--role", type=click.Choice(["pupil", "teacher", "staff", "office", "admin"]), help="Only this role.")
def users_list(group: str | None, role: str | None) -> None:
    """List the accounts.

    \b
    Example:
      schoolserver users list --group klasse3a
    """
    found = call("users.list", {"group": group, "role": role})["users"]
    table = Table(box=None, pad_edge=False)
    table.add_column("Login", no_wrap=True)
    for title in ("Name", "Role", "Groups", "State"):
        table.add_column(title, overflow="fold")
    for user in found:
        table.add_row(user["login"], user["name"], user["role"], ", ".join(user["groups"]), user["state"])
    wide_console().print(table)
    click.echo(f"{len(found)} accounts", err=True)


@users.command("show")
@click.argument("login")
def users_show(login: str) -> None:
    """Show one account: groups, locks and why, consents, state of the password.

    \b
    Example:
      schoolserver users show fred.mustermann
    """
    for name, value in call("users.show", {"login": login}).items():
        label = name.replace("_", " ")
        if isinstance(value, list):
            click.echo(f"{label}:" + ("" if value else " none"))
            for item in value:
                text = ", ".join(f"{key}: {part}" for key, part in item.items()) if isinstance(item, dict) else item
                click.echo(f"  - {text}")
        else:
            click.echo(f"{label}: {'' if value is None else value}")


@users.command("lock")
@click.argument("login")
@click.option("--until", metavar="DATE", help="Ends by itself after that day (2026-12-18), or then (2026-12-18 13:00).")
@click.option("--service", type=_SERVICES, help="Lock only this service (default: everything).")
@click.option("--reason", required=True, help="Why; kept with the lock and never shown to the user's services.")
def users_lock(login: str, until: str | None, service: str | None, reason: str) -> None:
    """Lock LOGIN out, everywhere or from one service, within two seconds; open sessions end too (K18).

    \b
    Examples:
      schoolserver users lock fred.mustermann --reason 'agreed with the head'
      schoolserver users lock fred.mustermann --service mail --until 2026-12-18 --reason 'joke mails'
      schoolserver users lock fred.mustermann --service pc --until 2026-12-18 --reason 'switched PCs off'
    """
    answer = call("users.lock", {"login": login, "until": until, "service": service, "reason": reason})
    click.echo(f"{login} is locked ({service or 'everything'}, {f'until {until}' if until else 'until unlocked'}).")
    _note(answer)


@users.command("unlock")
@click.argument("login")
@click.option("--service", type=_SERVICES, help="Lift the lock of this service (default: that of the whole account).")
def users_unlock(login: str, service: str | None) -> None:
    """Lift a lock.

    \b
    Example:
      schoolserver users unlock fred.mustermann --service mail
    """
    answer = call("users.unlock", {"login": login, "service": service})
    click.echo(f"{login} is unlocked ({service or 'the account'}).")
    _note(answer)


def _note(answer: dict[str, Any]) -> None:
    if note := answer.get("note"):
        click.echo(f"Note: {note}.", err=True)


@users.command("reset-password")
@click.argument("login")
def users_reset_password(login: str) -> None:
    """Give LOGIN a one-time password and show it, once (K03).

    Tell it to the user in person, never by telephone or mail. Nothing opens with it until the user has changed it
    with `schoolserver passwd LOGIN`. Sessions opened with the old password end.

    \b
    Example:
      schoolserver users reset-password fred.mustermann
    """
    keys = Keys.generate()
    answer = call("users.reset-password", {"login": login, "recipient": keys.public})
    for owner, password in open_passwords(keys, answer["sealed"]).items():
        click.echo(f"One-time password of {owner}: {password}")
    click.echo(f"It is not shown again. It opens nothing until it is changed: schoolserver passwd {login}", err=True)


@users.command("consent")
@click.argument("login")
@click.argument("consent", type=_CONSENTS)
@click.option(
    "--give/--withdraw",
    "given",
    default=None,
    help="The signed paper is there, or: it was withdrawn, and what it opened closes now.",
)
@click.option("--version", "version", default="", help="Which text was signed, for example 2026-08.")
def users_consent(login: str, consent: str, given: bool | None, version: str) -> None:
    """Record that a consent of LOGIN was given or withdrawn (K23).

    \b
    Example:
      schoolserver users consent siobhan.obrien logs --give --version 2026-08
    """
    if given is None:
        raise click.UsageError("say --give or --withdraw")
    if given and not version:
        raise click.UsageError("--give needs --version: which text was signed")
    call("users.consent", {"login": login, "consent": consent, "give": given, "version": version})
    click.echo(f"{login}: consent «{consent}» {'given' if given else 'withdrawn'}.")
