"""``schoolserver pcs``: which PCs belong to the school's domain. As root, on the server, whether it runs or not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import click

import appliance

_PROGRAM = ("/usr/bin/python3", "-P", "-m", "appliance.directory.domain.computers")
_AT = str(Path(appliance.__file__).resolve().parent.parent)


@click.group()
def pcs() -> None:
    """The PCs of the domain: add, list, remove.

    \b
    Examples:
      schoolserver pcs add pc-12-01 pc-12-02
      schoolserver pcs list
    """


@pcs.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="Where the files are written (default: here).",
)
def add(names: tuple[str, ...], folder: Path) -> None:
    """Let Linux PCs in: writes NAME.sh for each, which makes a Debian PC the school's when root runs it there.

    Each file is good for one PC, once, and secret until then. For a PC that was installed anew, add it again.

    \b
    Examples:
      schoolserver pcs add pc-12-01
      schoolserver pcs add --folder /media/stick pc-12-01 pc-12-02 pc-12-03
    """
    _run("--folder", str(folder), "add", "--", *names)


@pcs.command("list")
def list_() -> None:
    """List the PCs of the domain, Windows and Linux.

    \b
    Example:
      schoolserver pcs list
    """
    _run("list")


@pcs.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def remove(names: tuple[str, ...]) -> None:
    """Take PCs out of the domain: nobody logs on there any more.

    \b
    Example:
      schoolserver pcs remove pc-12-01
    """
    _run("remove", "--", *names)


def _run(*arguments: str) -> None:
    """In a process of its own: Samba's libraries are in no other."""
    environment = {**os.environ, "PYTHONPATH": _AT}
    raise SystemExit(subprocess.run((*_PROGRAM, *arguments), env=environment, check=False).returncode)
