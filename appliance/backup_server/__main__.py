"""Entry point of everything on the backup server. May live here: the table of actions. May not: doing any.

/usr/bin/python3 -P -m appliance.backup_server ACTION ...

Each action loads what it needs itself: a backup starts the receiver several times, and the others need as much again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.backup_server.settings import FILE, Settings, SettingsError, load


@dataclass(frozen=True, slots=True)
class Action:
    """``run`` gives the exit code; ``arguments`` tells the parser what may be said; ``help`` is for the carer."""

    run: Callable[[Settings, argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None]
    help: str


def _receiver(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("school")
    parser.add_argument("--read-only", action="store_true", help="for the key of the recovery sheet")


def _nothing(_: argparse.ArgumentParser) -> None:
    pass


def _receive(settings: Settings, said: argparse.Namespace) -> int:
    from appliance.backup_server import receiver

    return receiver.receive(settings, said.school, said.read_only)


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    from appliance.backup_server import committer

    return committer.serve(settings)


def _look(settings: Settings, _: argparse.Namespace) -> int:
    from appliance.backup_server import rounds

    return rounds.look(settings)


def _forget_ripe(settings: Settings, _: argparse.Namespace) -> int:
    from appliance.backup_server import rounds

    return rounds.forget_ripe(settings)


ACTIONS: Mapping[str, Action] = {
    "receiver": Action(_receive, _receiver, "what a school's key runs (sshd starts it)"),
    "committer": Action(_serve, _nothing, "one request (systemd starts it)"),
    "watch": Action(_look, _nothing, "look at the copies (a timer starts it)"),
    "forget": Action(_forget_ripe, _nothing, "forget who is to be forgotten (a timer starts it)"),
    "check": Action(lambda *_: 0, _nothing, "whether the settings can be read"),
}
"""All that can be run here."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run an action; 2: the settings or the words are wrong."""
    parser = argparse.ArgumentParser(prog="schoolserver-backup-server", description="Keeps the backup of schools.")
    parser.add_argument("--settings", type=Path, default=FILE, help="another file of settings (default: %(default)s)")
    inner = parser.add_subparsers(dest="action", required=True)
    for name, action in ACTIONS.items():
        action.arguments(inner.add_parser(name, help=action.help, description=action.help))
    said = parser.parse_args(argv)
    try:
        settings = load(said.settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return ACTIONS[said.action].run(settings, said)


if __name__ == "__main__":
    raise SystemExit(main())
