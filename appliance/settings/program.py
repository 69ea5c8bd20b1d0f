"""Programs that start or tend an engine: told where the settings are, they do one thing and end, or become the engine.

May live here: reading them, exit codes. May not: what is done. Daemons of our own have ``daemon.main``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from appliance.daemon.options_reading import SettingsError
from appliance.settings.load import Settings, load


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
