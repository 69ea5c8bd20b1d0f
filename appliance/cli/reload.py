"""``schoolserver reload``: put changed settings to work."""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.command()
def reload() -> None:
    """Read the settings again and put them to work, without ending a session.

    Settings that are wrong are refused with all their problems, and the server goes on with the ones it has.

    \b
    Example:
      schoolserver check && schoolserver reload
    """
    call("settings.reload", {})
    click.echo("The settings are in force.")
