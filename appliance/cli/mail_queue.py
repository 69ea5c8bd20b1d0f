"""``schoolserver mail queue``, ``retry``, ``drop``: mail that waits for the smarthost (mail.yaml: outside).

No address, login or subject is shown: whose mail it is concerns nobody who looks after the server (K16).
"""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.command()
def queue() -> None:
    """Show the mail that waits on its way out of the school, the oldest first.

    \b
    Example:
      schoolserver mail queue
    """
    answer = call("mail.queue", {})
    if answer["problem"]:
        click.echo(f"The way out: {answer['problem']}.")
    if not answer["waiting"]:
        click.echo("Nothing waits.")
        return
    for one in answer["waiting"]:
        why = f", at last {one['why']}" if one["why"] else ""
        following = "next when the way is open" if answer["problem"] else f"next {one['next']}"
        following = "rests while its sender may not use mail" if one["rests"] else following
        counts = f"{_count(one['recipients'], 'recipient', 'recipients')}, {_count(one['tries'], 'try', 'tries')}"
        size = max(1, one["size"] // 1000)
        click.echo(f"{one['id']}  since {one['since']}, {size} kB, {counts}, {following}{why}")


@click.command()
@click.argument("message", required=False)
def retry(message: str | None) -> None:
    """Try MESSAGE now (an id that `queue` shows), or everything that waits.

    \b
    Example:
      schoolserver mail retry
    """
    answer = call("mail.retry", {"message": message})
    click.echo(f"{_count(answer['count'], 'message', 'messages')} will be tried now; see: schoolserver mail queue")


@click.command()
@click.argument("message")
@click.option(
    "--reason", required=True, help="Why; goes into the log of use with your name, where the server keeps one."
)
def drop(message: str, reason: str) -> None:
    """Stop sending MESSAGE. Its sender gets a report, with the message's head, that it did not arrive.

    \b
    Example:
      schoolserver mail drop 3f9c0d1e2a4b5c6d --reason 'agreed with the sender'
    """
    call("mail.drop", {"message": message, "reason": reason})
    click.echo("It is not sent any more, and its sender is told so.")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
