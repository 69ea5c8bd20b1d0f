"""``schoolserver demo``: a whole demo school on this machine, without touching it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

_ROSTER = Path(__file__).resolve().parent.parent.parent / "etc" / "demo" / "roster.csv"


@click.command()
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for all that the demo keeps (default: .demo); a second start with the same one is a quick one.",
)
@click.option(
    "--roster",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=_ROSTER,
    help="Another roster than the demo's own.",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Written when all is up, for scripts: addresses, control socket, CA, accounts with passwords (JSON).",
)
def demo(state: Path | None, roster: Path, ready_file: Path | None) -> None:
    """Run a demo school with 60 accounts on loopback high ports, in the foreground, until Ctrl-C.

    It imports a roster, lets everybody change the one-time password, proves each service with a real exchange and
    prints commands to try. Nothing outside --state is kept.

    \b
    Example:
      schoolserver demo --state /var/tmp/demo --ready-file /var/tmp/demo.json
    """
    # Only this command needs the whole server; the others start in a moment without it.
    from appliance.demo.run import run

    raise SystemExit(run(state, roster, ready_file, Console(stderr=False)))
