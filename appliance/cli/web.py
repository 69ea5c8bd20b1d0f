"""``schoolserver web``: the group; its commands have modules of their own."""

from __future__ import annotations

import click

from appliance.cli.web_lessons import LESSONS
from appliance.cli.web_lists import lists


@click.group()
def web() -> None:
    """The web filter: what is set for a lesson, and the lists of sites by category.

    \b
    Examples:
      schoolserver web block-room 12 --until 10:35
      schoolserver web exam klasse4b --allow example.org --until 10:35
      schoolserver web lessons
      schoolserver web lists update
    """


for command in (*LESSONS, lists):
    web.add_command(command)
