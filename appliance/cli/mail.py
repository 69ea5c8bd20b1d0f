"""``schoolserver mail``: the group; its commands have modules of their own."""

from __future__ import annotations

import click

from appliance.cli.mail_dns import mail_dns
from appliance.cli.mail_queue import drop, queue, retry
from appliance.cli.mail_verify import mail_verify


@click.group()
def mail() -> None:
    """Mail: what waits on its way out of the school, and whether a message is ours.

    \b
    Examples:
      schoolserver mail queue
      schoolserver mail retry
    """


for command in (queue, retry, drop, mail_verify, mail_dns):
    mail.add_command(command)
