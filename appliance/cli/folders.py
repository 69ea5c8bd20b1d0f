"""``schoolserver folders``: what became of the folders of accounts and groups that are gone (K05, K23)."""

from __future__ import annotations

import click

from appliance.cli.server import call


@click.group()
def folders() -> None:
    """Folders of former accounts and groups, kept aside for a while; former versions; putting group folders right.

    \b
    Examples:
      schoolserver folders list
      schoolserver folders give projekt-film --to klasse4a
    """


@folders.command("list")
def folders_list() -> None:
    """List the folders and mailboxes put aside because their account or group is gone from the directory.

    They come back by themselves with the account or group (of the same id). Afterwards they are deleted, at the day
    shown (fileshare.yaml: keep_aside).

    \b
    Example:
      schoolserver folders list
    """
    former = call("folders.list", {})["former"]
    if not former:
        click.echo("No folder is put aside.")
    for one in former:
        name = f"{one['name']} (id {one['id']})" if one["id"] else one["name"]
        click.echo(f"{one['kind']:5}  {name}  aside since {one['aside']}, deleted after {one['deleted']}")


@folders.command("give")
@click.argument("which", metavar="NAME|ID")
@click.option("--to", required=True, help="The group that gets a group's folder, the account that gets a home.")
def folders_give(which: str, to: str) -> None:
    """Give the folder put aside as NAME (or of the number ID) to those who go on with it.

    It appears as Former-NAME in the group folder, or home, named with --to. A home is somebody's own: give it only to
    another account of the same person; the mailbox goes with it and becomes a mail folder of that name, with _ for
    each dot. Who did it is recorded.

    \b
    Example:
      schoolserver folders give projekt-film --to klasse4a
    """
    answer = call("folders.give", {"which": which, "to": to}, title="Giving")
    if answer["folder"]:
        click.echo(f"It is the folder {answer['folder']} of {answer['to']} now.")
    if answer["mail"]:
        click.echo(f"The mails are in the mail folder {answer['mail']} of {answer['to']} now.")
    if answer["left"]:
        click.echo(f"{answer['left']} files in it have a second name elsewhere and stay their former owner's.")


@folders.command("remove")
@click.argument("which", metavar="NAME|ID")
@click.confirmation_option(prompt="Delete this folder for good? The backup forgets it, too, after two weeks.")
def folders_remove(which: str) -> None:
    """Delete what was put aside as NAME (or of the number ID) now, a home with its mailbox. Who did it is recorded.

    \b
    Example:
      schoolserver folders remove fred.mustermann
    """
    answer = call("folders.remove", {"which": which})
    click.echo(f"Of {answer['name']} is deleted: {', '.join(answer['kinds'])}.")


@folders.command("versions")
def folders_versions() -> None:
    """List the instants (UTC) of which there are former versions of all homes and group folders.

    \b
    Example:
      schoolserver folders versions
    """
    answer = call("folders.versions", {})
    for instant in answer["instants"]:
        click.echo(instant)
    if not answer["instants"]:
        click.echo(f"There are none: {answer['hindrance']}." if answer["hindrance"] else "There are none.")


@folders.command("forget")
@click.argument("instant", required=False)
@click.option("--all", "all_", is_flag=True, help="Those of all instants.")
@click.confirmation_option(prompt="Give these former versions of everybody up for good?")
def folders_forget(instant: str | None, all_: bool) -> None:
    """Give up the former versions of INSTANT, or all, now: to make room, or because of what must not be kept.

    Nobody can get back what was deleted or overwritten since. Files of today stay, and the nightly copies. The next
    former versions are made within the hour. Who did it is recorded.

    \b
    Examples:
      schoolserver folders forget @GMT-2026.11.21-15.00.00
      schoolserver folders forget --all
    """
    if (instant is None) != all_:
        raise click.UsageError("name an instant (schoolserver folders versions), or --all")
    answer = call("folders.forget", {"instant": instant}, title="Giving up")
    click.echo(f"The former versions of {answer['count']} instants are given up.")


@folders.command("mend")
@click.argument("group", required=False)
def folders_mend(group: str | None) -> None:
    """Give everything in the folder of GROUP (default: of all groups) to its members now, as is done each night.

    What somebody moved there from another group's folder on a PC belongs to the former group until then.

    \b
    Example:
      schoolserver folders mend klasse3a
    """
    answer = call("folders.mend", {"group": group}, title="Looking")
    click.echo(f"{answer['changed']} files and folders in {answer['groups']} group folders were put right.")
    if answer["left"]:
        click.echo(f"{answer['left']} files have a second name elsewhere and stay as they are.")


@folders.command("tidy")
@click.option("--allow-gone", is_flag=True, help="However many are put aside.")
def folders_tidy(allow_gone: bool) -> None:
    """Put aside what belongs to accounts and groups that are gone from the directory, and make what is missing.

    It happens by itself, too, unless suspiciously many are gone (accounts.yaml: gone_share): then status says so, and
    this command with --allow-gone does it.

    \b
    Example:
      schoolserver folders tidy --allow-gone
    """
    answer = call("folders.tidy", {"allow_gone": allow_gone})
    for one in answer["refused"]:
        click.echo(f"not made: {one['kind']} of {one['name']}: {one['why']}")
    click.echo(f"{answer['made']} made or renamed, {answer['aside']} put aside: {answer['text']}.")
    if not answer["ok"]:
        raise SystemExit(1)
