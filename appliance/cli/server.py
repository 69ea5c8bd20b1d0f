"""The way from a command to the running server, and what its refusals look like to the carer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from appliance.setup.places import Places
from appliance.supervisor.client import ControlClient, ServerRefused, ServerUnreachable

INSTALLED = Path("/run/schoolserver/control/control.sock")


def control_path() -> Path:
    """The control socket: that of ``SCHOOLSERVER_CONTROL``, else the installed server's."""
    return Path(os.environ.get("SCHOOLSERVER_CONTROL") or INSTALLED)


def call(verb: str, arguments: Mapping[str, Any], title: str = "") -> dict[str, Any]:
    """The server's answer to ``verb``; with a ``title``, a progress bar stands on a terminal meanwhile.

    Raises :class:`click.ClickException` (exit 1) where the server refuses or does not answer.
    """
    client = ControlClient(control_path())
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        if not title:
            return client.call(verb, given)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=None)

            def show(done: int, total: int, _text: str) -> None:
                bar.update(task, completed=done, total=total)

            return client.call(verb, given, on_progress=show)
    except ServerRefused as refusal:
        raise click.ClickException(refusal.text) from None
    except ServerUnreachable as problem:
        if control_path().parent.is_dir() and not os.access(control_path().parent, os.X_OK):
            raise click.ClickException(
                f"you may not use {control_path()}; try sudo, or become a member of the group schoolserver-admin."
            ) from None
        if control_path() == INSTALLED and not Places().marker.exists():
            raise click.ClickException(
                "this machine is not set up as the school's server yet; do that with: sudo schoolserver setup\n"
                "For a server elsewhere (a demo) set SCHOOLSERVER_CONTROL to its control socket."
            ) from None
        raise click.ClickException(
            f"the server at {control_path()} does not answer ({problem}).\n"
            "Is it running (systemctl status schoolserver)? For another one set SCHOOLSERVER_CONTROL to its socket."
        ) from None
