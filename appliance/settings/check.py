"""Whether a folder of settings can be used: for ``schoolserver check`` and whoever asks without wanting the values."""

from __future__ import annotations

from pathlib import Path

from appliance.daemon.options_reading import Problem, SettingsError
from appliance.settings.load import load


def check(folder: Path) -> tuple[Problem, ...]:
    """Give every problem of the settings in ``folder``, in the order of files and lines; none: they can be used."""
    try:
        load(folder)
    except SettingsError as error:
        return error.problems
    return ()
