"""``schoolserver backup`` and ``schoolserver restore``: the copy in the second place, and the way back from it."""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.group()
def backup() -> None:
    """The copy of everything in a second place (backup.yaml): make one now, list them, set the place up.

    \b
    Examples:
      schoolserver backup run
      schoolserver backup list
    """


@backup.command("run")
def backup_run() -> None:
    """Make a copy now, as it is made each night; it reads itself back before it counts.

    What did not change since the last copy takes neither time nor room.

    \b
    Example:
      schoolserver backup run
    """
    made = call("backup.run", {}, title="Copying")
    figures = made["figures"]
    click.echo(
        f"Copy {made['snapshot']} ({made['at']}) is complete and was read back: {figures['files']} files, "
        f"{_mb(figures['size'])}; {figures['changed']} were new or changed, {_mb(figures['sent'])} were sent "
        f"in {figures['seconds']} s."
    )
    if made["removed"]:
        click.echo(f"{len(made['removed'])} old copies were thinned out.")
    if made["free"] is not None:
        click.echo(f"{_mb(made['free'])} are free in the second place.")
    for warning in made["warnings"]:
        click.echo(f"Warning: {warning}", err=True)


@backup.command("list")
def backup_list() -> None:
    """List the copies in the second place, oldest first.

    \b
    Example:
      schoolserver backup list
    """
    found = call("backup.list", {})
    for copy in found["copies"]:
        click.echo(f"{copy['name']}  made {copy['at']}")
    click.echo(f"{len(found['copies'])} copies, {_mb(found['free'])} free in the second place", err=True)


@backup.command("setup")
@click.option("--trust", "fingerprint", metavar="SHA256:...", help="Trust the machine with this fingerprint.")
def backup_setup(fingerprint: str | None) -> None:
    """Make this server and the second place (backup.yaml: target) known to each other.

    First without --trust: it prints the line for authorized_keys there, and the fingerprints that the machine shows.
    Compare them over there (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then say which one is right.

    \b
    Examples:
      schoolserver backup setup
      schoolserver backup setup --trust SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
    """
    answer = call("backup.setup", {"fingerprint": fingerprint})
    click.echo("In the second place, this line belongs into .ssh/authorized_keys of the user")
    click.echo("(with schoolserver-backup-server: /var/lib/schoolbackup/.ssh/authorized_keys):")
    click.echo(answer["line"])
    if answer["trusted"]:
        click.echo("The machine there is trusted. When the line is there, make a copy: schoolserver backup run")
    else:
        click.echo("The machine there shows these fingerprints:")
        for one in answer["found"]:
            click.echo(f"  {one}")
        click.echo("Over there, see which is its own: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
        click.echo("Is it one of these, then here: schoolserver backup setup --trust SHA256:...")


@click.command()
@click.argument("login")
@click.argument("path")
@click.option("--date", "day", metavar="DATE", help="From which copy: a day such as 2026-11-21, or a copy's name.")
def restore(login: str, path: str, day: str | None) -> None:
    """Bring back PATH, a file or folder in the home of LOGIN, from the newest copy (or that of --date).

    It appears in the home in a folder of its own, Restored-DATE, with its owner, mode and time; nothing is overwritten,
    and nobody but the owner gets to see it. That it was done is recorded.

    \b
    Examples:
      schoolserver restore fred.mustermann Documents/letter.odt
      schoolserver restore fred.mustermann Documents --date 2026-11-21
    """
    came = call("restore", {"login": login, "path": path, "date": day}, title="Restoring")
    click.echo(f"It is in the home of {came['login']}, folder {came['folder']}, as it was {came['at']}.")


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
