"""``schoolserver backup``: the backup on a second machine; the way back from it has a file of its own (``restore``)."""

from __future__ import annotations

import click

from appliance.cli.backup_drill import drill, report
from appliance.cli.backup_forget import backup_forget
from appliance.cli.server import call

_COUNTS = {
    "left_out": "could not be read here and were left out",
    "missing": "did not arrive over there; the next backup sends them again",
    "unsettled": "changed all the time while they were copied: what is over there may be half of it",
    "gone": "went away while the backup was made",
}


@click.group()
def backup() -> None:
    """The backup of everything on a second machine (backup.yaml): pair with it, make one, list, try, forget somebody.

    \b
    Examples:
      schoolserver backup run
      schoolserver backup list
    """


backup.add_command(drill)
backup.add_command(report)
backup.add_command(backup_forget)


@backup.command("run")
def backup_run() -> None:
    """Make a backup now, as it is made each night; its signed index is read back before it counts.

    Only what changed since the last one crosses the line. One that was interrupted is gone on with.

    \b
    Example:
      schoolserver backup run
    """
    made = call("backup.run", {}, title="Backup")
    figures = made["figures"]
    click.echo(
        f"Backup {made['snapshot']} ({made['at']}) is committed and was read back: {figures['files']} files and "
        f"folders, {figures['changed']} of them new or changed, {_mb(figures['sent'])} sent in {figures['seconds']} s."
    )
    for name, text in _COUNTS.items():
        if figures[name]:
            click.echo(f"{figures[name]} {text}.")
    if made["removed"]:
        click.echo(f"{len(made['removed'])} old snapshots were thinned out.")
    if made["free"] is not None:
        click.echo(f"{_mb(made['free'])} are free on the backup server.")
    for warning in made["warnings"]:
        click.echo(f"Warning: {warning}", err=True)


@backup.command("list")
def backup_list() -> None:
    """List the snapshots on the backup server, oldest first, and say how that machine is.

    With a dump a snapshot gives the whole server back; dumps are kept for a shorter time than files.

    \b
    Example:
      schoolserver backup list
    """
    found = call("backup.list", {})
    for one in found["snapshots"]:
        click.echo(f"{one['name']}  made {one['at']}{'  with dump' if one['dump'] else ''}")
    click.echo(f"{len(found['snapshots'])} snapshots, {_mb(found['free'])} free on the backup server", err=True)
    if found.get("encrypted") is False:
        click.echo("Warning: the disk there is not encrypted", err=True)
    for warning in found.get("warnings", []):
        click.echo(f"Warning: {warning}", err=True)


@backup.command("pair")
@click.argument("host", required=False)
@click.option("--port", type=click.IntRange(1, 65535), default=7410, show_default=True, help="Where it waits there.")
@click.option("--again", is_flag=True, help="Although this server is paired: another backup server, or a new sheet.")
def backup_pair(host: str | None, port: int, again: bool) -> None:
    """Make this server and the backup server known to each other; HOST is that of backup.yaml if left out.

    Begin over there, as root: schoolserver-backup-server pair NAME-OF-THE-SCHOOL. Both machines show a code; say yes on
    both only if it is the same. Then the recovery sheet is printed, once: without it a burnt server stays lost.
    Only the sheet is written to standard output, so it can go straight to a printer.

    \b
    Examples:
      schoolserver backup pair backup.example
      schoolserver backup pair | lp
      schoolserver backup pair --again
    """
    met = call("backup.pair", {"host": host, "port": str(port), "again": again})
    code = met["code"]
    click.echo(f"The backup server must show the same code:\n\n    {code[:4]} {code[4:]}\n", err=True)
    try:
        same = click.confirm("Is it the same over there?", default=False, err=True)
    except click.Abort:
        same = False
    came = call("backup.pair-answer", {"job": met["job"], "same": same}, title="Waiting for the answer over there")
    click.echo(came["sheet"], nl=False)
    click.echo("The two are paired. Print the recovery sheet now: it is shown this one time.", err=True)
    if came["write"]:
        click.echo("Write into /etc/schoolserver/backup.yaml:", err=True)
        for line in came["write"]:
            click.echo(f"  {line}", err=True)
        click.echo("and then: schoolserver reload", err=True)
    click.echo("Then make the first backup: schoolserver backup run", err=True)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
