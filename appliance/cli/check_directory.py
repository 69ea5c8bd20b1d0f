"""``schoolserver check --directory``: whether the directory will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from appliance.settings.load import Settings


def directory_problems(settings: Settings) -> bool:
    """Examine the directory of ``settings`` and print what is wrong; whether the server cannot work so."""
    from appliance.directory.examine import examine  # what it needs is loaded only when it is asked

    found = examine(settings)
    for finding in found:
        click.echo(f"{'wrong' if finding.grave else 'note'}: {finding.text}", err=finding.grave)
    grave = sum(finding.grave for finding in found)
    if grave:
        click.echo(f"{grave} problem{'s' if grave > 1 else ''} in the directory ({settings.directory.kind}).", err=True)
    else:
        click.echo(f"The directory ({settings.directory.kind}) will do.")
    return bool(grave)
