"""``schoolserver alerts``: whether mails to the carer arrive."""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.group()
def alerts() -> None:
    """Mails to the carer when the server is not well (alerts.yaml); schoolserver status shows the last one.

    \b
    Example:
      schoolserver alerts test
    """


@alerts.command("test")
def alerts_test() -> None:
    """Send a mail now to all who are told, to see that it arrives. Exit code 1: it cannot be sent, and why.

    \b
    Example:
      schoolserver alerts test
    """
    count = call("alerts.test", {})["addresses"]
    click.echo(f"Sent to {count} address{'es' if count != 1 else ''}. Look whether it arrives, and not as junk.")
