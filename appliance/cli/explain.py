"""``schoolserver explain``: what the policy says about one person, one service, one moment."""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.command()
@click.argument("login")
@click.argument("service", type=click.Choice(["mail", "files", "web", "pc"]))
@click.argument("target", required=False)
@click.option("--target", "named", metavar="TARGET", help="The same as TARGET.")
@click.option("--at", "moment", metavar="TIME", help="At which moment, for example '2026-11-23 09:30' (default: now).")
@click.option("--room", metavar="ROOM", help="From which room (network.yaml); not for pc.")
@click.option("--address", metavar="IP", help="From which address; its room follows from network.yaml.")
@click.option("--device", metavar="IP", help="By which device, for web: nobody signs in, its address says whose it is.")
def explain(
    login: str,
    service: str,
    target: str | None,
    named: str | None,
    moment: str | None,
    room: str | None,
    address: str | None,
    device: str | None,
) -> None:
    """Say whether LOGIN may use SERVICE, and which line of the settings or the state decides.

    TARGET is a URL for web, for files a path as the drives show it (/Groups/klasse3a), and for mail an address to write
    to, or of the school's own the part before the @. An empty LOGIN ('') is whoever uses a device without owner.

    \b
    Examples:
      schoolserver explain fred.mustermann mail
      schoolserver explain fred.mustermann mail klasse3a
      schoolserver explain fred.mustermann web https://example.org/ --at '2026-11-23 09:30' --room 12
    """
    if target and named:
        raise click.UsageError("one TARGET is enough, behind SERVICE or as --target")
    target = target or named
    if target and service == "pc":
        raise click.UsageError("TARGET is for web, mail and files")
    if device and (service != "web" or address):
        raise click.UsageError("--device is for web, instead of --address")
    if service == "pc" and (room or address):
        raise click.UsageError(
            "log-on is open or closed at all PCs alike, so there is no --room or --address for pc; what is done at the"
            " PCs of a room is asked of web, files and mail"
        )
    asked = {"login": login, "service": service, "target": target, "at": moment, "room": room, "address": address}
    asked["device"] = device
    answer = call("explain", asked)
    words = {"allow": "ALLOWED", "deny": "DENIED", "try-later": "NOT KNOWN AT THE MOMENT"}
    reason = f" ({answer['reason']})" if answer.get("reason") else ""
    click.echo(f"{words[answer['answer']]}{reason}")
    click.echo(f"Decided by:  {answer['rule']['source']}: {answer['rule']['text']}")
    click.echo(f"Valid until: {answer.get('valid_until') or 'something is changed'}")
    if answer.get("limits"):
        limits = answer["limits"]
        way = limits.get("download_unlimited_over")
        but = f" (not over {way})" if way else ""
        click.echo(f"Limits:      upload {limits['upload']:,} bytes, download {limits['download']:,} bytes{but}")
    for step in answer.get("steps", ()):
        click.echo(f"  - {step}")
    for number, change in enumerate(answer.get("changes", ())):
        click.echo(f"{'To change it:' if number == 0 else '         or:'} {change}")
