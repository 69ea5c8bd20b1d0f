"""``schoolserver setup``: make this machine the school's server, or change what it was told then.

It works without a running server, as root. Here is the command; the talk with the carer is ``setup_talk``, which is
imported when it is called for: other commands need not wait for what it needs.
"""

from __future__ import annotations

from pathlib import Path

import click


@click.group(invoke_without_command=True)
@click.option(
    "--answers", type=click.Path(path_type=Path, dir_okay=False), help="Ask nothing; take answers from a file."
)
@click.option("--print-answers", is_flag=True, help="Print an answer file to copy, and do nothing.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask again before something is changed.")
@click.pass_context
def setup(context: click.Context, answers: Path | None, print_answers: bool, dry_run: bool, yes: bool) -> None:
    """Make this machine the school's server; can be run again at any time.

    Asks what it must know and proposes the rest. What stands in /etc/schoolserver is proposed again, and edits and
    comments there stay. All answers are checked before anything is changed. After Ctrl-C or a power cut run it again:
    it goes on. Where systemd does not run (an image being built) all is prepared, and the server starts with the
    machine. Exit code 0: set up, 1: something failed, 2: the answers or the settings are wrong, nothing was changed.

    \b
    Examples:
      schoolserver setup
      schoolserver setup --print-answers > answers.yaml
      schoolserver setup --answers answers.yaml --dry-run
      schoolserver setup --answers answers.yaml
    """
    if context.invoked_subcommand is not None:
        return
    from appliance.cli import setup_talk

    if print_answers:
        setup_talk.print_answers()
    else:
        setup_talk.set_up(answers, dry_run=dry_run, yes=yes)


@setup.command()
@click.option(
    "--install",
    "files",
    nargs=2,
    required=True,
    metavar="CERT KEY",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The certificate with its chain, and its key (PEM).",
)
def certificates(files: tuple[Path, Path]) -> None:
    """Take over the school's own certificate, or its renewal; sessions go on.

    It is checked first: key, names, dates. Give this as deploy hook to your ACME client.

    \b
    Examples:
      schoolserver setup certificates --install /etc/ssl/schule.pem /etc/ssl/private/schule.key
      certbot renew --deploy-hook 'schoolserver setup certificates --install
        $RENEWED_LINEAGE/fullchain.pem $RENEWED_LINEAGE/privkey.pem'
    """
    from appliance.cli import setup_talk

    setup_talk.install(*files)
