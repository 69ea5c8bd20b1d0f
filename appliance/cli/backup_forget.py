"""``schoolserver backup forget``: a person leaves all snapshots (K23, K24)."""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.command("forget")
@click.argument("login")
@click.option("--uid", type=click.IntRange(1), help="Its number, if several persons had this login.")
@click.option("--consent-withdrawn", is_flag=True, help="A consent was withdrawn: to be confirmed over there at once.")
@click.option("--undo", is_flag=True, help="Take the request back, while it ripens.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def backup_forget(login: str, uid: int | None, consent_withdrawn: bool, undo: bool, yes: bool) -> None:
    """Remove LOGIN, an account or one that was deleted, from all snapshots on the backup server.

    The request ripens there for 14 days, in which it can be taken back here and refused there; whoever looks after the
    backup server is told of it. At most a tenth of the accounts goes in a month, unless it is confirmed over there:
    schoolserver-backup-server forget list. The sealed dumps of the directory and the databases are not edited; they
    age out, within 30 days if nothing else was set over there.

    Accounts that are deleted for good are forgotten by themselves; nothing has to be asked for them. Of an account that
    there still is only the past is removed: the next backup has it again.

    \b
    Examples:
      schoolserver backup forget fred.mustermann
      schoolserver backup forget fred.mustermann --consent-withdrawn
      schoolserver backup forget fred.mustermann --undo
    """
    if undo and consent_withdrawn:
        raise click.UsageError("--undo takes a request back, whatever it was for; leave --consent-withdrawn out")
    if not undo and not yes:
        click.confirm(f"Remove {login} from all snapshots? Nothing of home and mail can be restored then.", abort=True)
    wanted = {"login": login, "uid": None if uid is None else str(uid)}
    told = call("backup.forget", {**wanted, "consent_withdrawn": consent_withdrawn, "undo": undo}, title="Asking")
    if undo:
        click.echo(f"The request is taken back: {told['login']} stays in the snapshots.")
        return
    click.echo(
        f"Asked for as {told['id']}. It is carried out after {told['ripe'][:10]}, or when it is confirmed there:"
    )
    click.echo(f"  schoolserver-backup-server forget confirm SCHOOL {told['id']}")
    if told["consent"] and not told["confirmed"]:
        click.echo("A consent was withdrawn: have it confirmed now, for else it waits like any other.", err=True)
    click.echo("Sealed dumps made until then are not edited; they age out over there (dump_days).", err=True)
