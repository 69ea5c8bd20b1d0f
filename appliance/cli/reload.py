"""``schoolserver reload``: put changed settings to work."""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.command()
def reload() -> None:
    """Read the settings again and put them to work, without ending a session.

    Settings that are wrong are refused with all their problems, and the server goes on with the ones it has. When the
    command returns, every part goes by the new ones; what needs a new start, such as another port, is said.

    \b
    Example:
      schoolserver check && schoolserver reload
    """
    warnings = call("settings.reload", {})["warnings"]
    for warning in warnings:
        click.echo(warning, err=True)
    click.echo("The settings are in force, but for what is said above." if warnings else "The settings are in force.")
