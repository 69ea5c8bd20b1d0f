"""Every command tells a carer what it does, with an example (issue 2, "Done when")."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from appliance.cli.main import main


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


ALL = list(_commands(main))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _command in ALL])
def test_help_says_what_it_does_and_gives_an_example(path: tuple[str, ...], command: click.Command) -> None:
    shown = CliRunner().invoke(main, [*path, "--help"])
    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert f"schoolserver {' '.join(path)}" in shown.output.replace("\n", " ")
    assert command.get_short_help_str(limit=200).endswith((".", ":", ")")) or command.help


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _command in ALL])
def test_every_option_is_explained(path: tuple[str, ...], command: click.Command) -> None:
    unexplained = [one.name for one in command.params if isinstance(one, click.Option) and not one.help]
    # Of a pair such as --give and --withdraw, click keeps the help with the option that has it.
    assert unexplained == [], path


def test_the_first_page_names_the_tasks_and_the_exit_codes() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    for part in ("status", "users import", "reset-password", "SCHOOLSERVER_CONTROL", "Exit codes"):
        assert part in shown.output


def test_a_wrong_command_is_exit_code_two() -> None:
    assert CliRunner().invoke(main, ["statsu"]).exit_code == 2
