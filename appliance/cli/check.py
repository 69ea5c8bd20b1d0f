"""``schoolserver check``: whether the settings are right."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.check_directory import directory_problems
from appliance.daemon.options import SettingsError
from appliance.daemon.options_network import ADDRESS, Address
from appliance.settings.load import Settings, load
from appliance.settings.named_files import missing_files
from appliance.settings.web_notes import web_notes

DEFAULT = Path("/etc/schoolserver")


settings_option = click.option(
    "--settings",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SCHOOLSERVER_SETTINGS",
    default=DEFAULT,
    show_default=True,
    help="Folder of the *.yaml files.",
)
"""For commands that read the settings themselves; gives ``folder``."""


@click.command()
@settings_option
@click.option("--directory", "ask", is_flag=True, help="Ask the directory, too, whether it will do.")
@click.option("--outside", is_flag=True, help="Try the way of mail to the outside, too, and look at the domain's DNS.")
@click.option("--dns", metavar="ADDRESS:PORT", help="With --outside: the DNS server to ask, such as 9.9.9.9:53.")
def check(folder: Path, ask: bool, outside: bool, dns: str | None) -> None:
    """Check all settings files and print every problem at once.

    Each line names file, line and key, what stands there and what is allowed. Nothing is changed and no server
    is needed. Problems between two options show once each of them is right by itself. Exit code 0: all is right,
    2: something is wrong. A password or certificate that is named and not there is said as a note, and so
    is a category that no list has.

    With --directory the directory is examined as the server sees it: whether it can be reached and trusted, its
    folders and its schema, and what the server may do there, for which an entry schoolserver-check is made and
    removed; and whether addresses in mail.yaml are somebody's or reach nobody. It needs root, who may read the server's
    password for it.

    With --outside the smarthost must let the server in, and the domain's SPF, DKIM and MX records are looked at. Where
    the school's own DNS answers for the domain, name one outside with --dns. It needs root, who may read the password.

    \b
    Example:
      schoolserver check
      schoolserver check --settings .demo/etc
      sudo schoolserver check --directory
      sudo schoolserver check --outside --dns 9.9.9.9:53
    """
    try:
        settings = load(folder)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        count = len(error.problems)
        click.echo(f"{count} problem{'s' if count > 1 else ''} in {folder}; nothing was changed.", err=True)
        raise SystemExit(2) from None
    click.echo(f"The settings in {folder} are right.")
    # No reason not to start: all but mail to the outside works without files, and what is strange may be meant.
    for line in (*missing_files(settings), *web_notes(settings)):
        click.echo(f"note: {line}", err=True)
    problems = directory_problems(settings) if ask else 0
    if outside:
        problems += _outside(settings, dns)
    if problems:
        raise SystemExit(2)


def _outside(settings: Settings, server: str | None) -> int:
    from appliance.cli.check_outside import outside_problems  # what they need is loaded only when it is asked
    from appliance.daemon.dns_lookup import Names

    return outside_problems(settings, Names(_server(server)))


def _server(text: str | None) -> Address | None:
    try:
        return None if text is None else ADDRESS.parse(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not {ADDRESS.allowed}", param_hint="--dns") from None
