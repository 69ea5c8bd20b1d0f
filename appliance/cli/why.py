"""``schoolserver why``: what a refusal's code means."""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.command()
@click.argument("code")
def why(code: str) -> None:
    """Say which rule refused something, by the short CODE that the user was shown.

    Codes are kept for 24 hours. They lead to the rule and the reason, never to a person or to content.

    \b
    Example:
      schoolserver why 7KQF-2MXA
    """
    answer = call("why", {"code": code})
    click.echo(f"Service: {answer['service']}")
    click.echo(f"When:    {answer['time']}")
    click.echo(f"Reason:  {answer['reason']}")
    click.echo(f"Rule:    {answer['text']}")
    click.echo(f"Where:   {answer['source']}")
