"""Programs that start or tend an engine: told where the settings are, they do one thing and end, or become the engine.

May live here: that argument, the settings, exit codes. May not: what is done. Daemons of our own have ``daemon.main``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from appliance.daemon.options_reading import SettingsError
from appliance.settings.load import Settings, load


def settings_parser(description: str, prog: str | None = None) -> argparse.ArgumentParser:
    """Give a parser with ``--settings DIR``, whose default is that of the installed server."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument(
        "--settings",
        metavar="DIR",
        type=Path,
        default=Path(os.environ.get("SCHOOLSERVER_SETTINGS", "/etc/schoolserver")),
        help="folder with the settings (default: $SCHOOLSERVER_SETTINGS, else /etc/schoolserver)",
    )
    return parser


def run(
    name: str, folder: Path, act: Callable[[Settings], int | None], failures: tuple[type[Exception], ...] = ()
) -> int:
    """Do ``act`` with the settings in ``folder`` and return its exit code (``None``: 0).

    Wrong settings are told and give 2, what ``failures`` name gives 1; both are said as ``name``'s.
    """
    try:
        return act(load(folder.absolute())) or 0
    except SettingsError as error:
        print(f"schoolserver {name}: wrong settings\n{error}", file=sys.stderr)
        return 2
    except failures as error:
        print(f"schoolserver {name}: {error}", file=sys.stderr)
        return 1
