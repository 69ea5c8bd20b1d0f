"""``schoolserver check``: whether the settings are right."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.check_directory import directory_problems
from appliance.daemon.options import SettingsError
from appliance.settings.load import load

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
def check(folder: Path, ask: bool) -> None:
    """Check all settings files and print every problem at once.

    Each line names file, line and key, what stands there and what is allowed. Nothing is changed and no server
    is needed. Problems between two options show once each of them is right by itself. Exit code 0: all is right,
    2: something is wrong.

    With --directory the directory is examined as the server sees it: whether it can be reached and trusted, its
    folders and its schema, and what the server may do there, for which an entry schoolserver-check is made and
    removed. It needs root, who may read the server's password for it.

    \b
    Example:
      schoolserver check
      schoolserver check --settings .demo/etc
      sudo schoolserver check --directory
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
    if ask and directory_problems(settings):
        raise SystemExit(2)
