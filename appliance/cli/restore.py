"""``schoolserver restore``: files, mail and a group's files come back from a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from appliance.cli.server import call


@click.command()
@click.argument("former", nargs=-1, metavar="")
@click.option("--user", metavar="LOGIN", help="Whose files, or mail, come back: into his own home, or mailbox.")
@click.option("--group", metavar="GROUP", help="Whose files come back: into the group's own folder.")
@click.option("--path", "paths", multiple=True, metavar="PATTERN", help="Which: 'Mathe/*', letter.odt, '**/*.pdf'.")
@click.option("--mail", is_flag=True, help="Messages instead of files; --path then names mail folders.")
@click.option("--date", "day", metavar="DATE", help="As it was when: 2026-11-21, yesterday, monday, a snapshot's name.")
@click.option("--everything", is_flag=True, help="The whole school, on a fresh machine, by the recovery sheet.")
@click.option("--from", "host", metavar="HOST", help="With --everything: where the backup server is now.")
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="With --everything: a file with the sheet's text; without it, it is typed.",
)
def restore(
    former: tuple[str, ...],
    user: str | None,
    group: str | None,
    paths: tuple[str, ...],
    mail: bool,
    day: str | None,
    everything: bool,
    host: str | None,
    sheet: Path | None,
) -> None:
    """Bring files or mail back from the newest snapshot, or that of --date.

    They appear in a folder of their own, Wiederhergestellt-DATE (Restored-DATE where the school's language is English),
    in the home, mailbox or group folder that they are from and nowhere else; nothing is overwritten. * and ? stand for
    letters of one name, ** for any folders; a folder comes with all in it. Put patterns into quotes, or the shell takes
    them. That it was done is recorded; what a person has is not listed: the pattern is what he told you.

    With --everything a fresh machine with our packages becomes the school's server as a snapshot has it; run it as
    root. It overwrites nothing, and after Ctrl-C or a power cut it goes on when it is run again.

    \b
    Examples:
      schoolserver restore --user fred.mustermann --path 'Mathe/*' --date yesterday
      schoolserver restore --user fred.mustermann --mail --path Projekte
      schoolserver restore --group klasse3a --path Ausflug --date monday
      schoolserver restore --everything --from backup.example
    """
    if everything:
        if former or user or group or paths or mail:
            raise click.UsageError("--everything goes with --from, --sheet and --date only")
        _everything(host, sheet, day)
        return
    if former:
        raise click.UsageError("say whose and which: schoolserver restore --user LOGIN --path 'Mathe/*' [--date DATE]")
    if (user is None) == (group is None):
        raise click.UsageError("say --user LOGIN, or --group GROUP")
    if group is not None and mail:
        raise click.UsageError("a group has no mailbox; --mail goes with --user")
    if not paths and not mail:
        raise click.UsageError("say which with --path, for example --path 'Mathe/*'; everything is --path '*'")
    given = {"user": user, "group": group, "paths": list(paths), "mail": mail, "date": day}
    click.echo(_said(call("restore", given, title="Restoring")))


def _everything(host: str | None, sheet: Path | None, day: str | None) -> None:
    """Without a running server; what it needs is imported when it is called for."""
    from appliance.cli import setup_talk

    try:
        from appliance.recovery.talk import Wanted, bring_back
    except ImportError as error:
        raise click.ClickException("install the package schoolserver-backup first") from error
    bring_back(*setup_talk.machine(), Wanted(host, sheet, day), setup_talk.carry_out)


def _said(came: dict[str, Any]) -> str:
    what = "messages" if came["mail"] else "files"
    where = f"the folder of the group {came['group']}" if came["group"] else f"the home of {came['login']}"
    if came["mail"]:
        where = f"the mailbox of {came['login']}"
    lines = [f"{came['files']} {what} are in {where}, folder {came['folder']}, as they were {came['at']}."]
    if came["lacking"]:
        lines.append(
            f"{came['lacking']} are not in that snapshot as they were saved, and are left out; try another day."
        )
    if came["left"]:
        lines.append(f"{came['left']} belong to somebody else there, or are no files, and are left out.")
    return "\n".join(lines)
