"""Runs the launcher over some of a school's units: ``support_start.py SETTINGS UNIT…``."""

import logging
import sys
from dataclasses import replace
from pathlib import Path

from appliance.settings.load import load
from appliance.supervisor.launcher.children import ChildLauncher
from appliance.supervisor.launcher.units import school_units

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings, chosen = load(Path(sys.argv[1])), sys.argv[2:]
    launcher = ChildLauncher(
        settings,
        [
            replace(unit, after=tuple(name for name in unit.after if name in chosen))
            for unit in school_units(settings)
            if unit.name in chosen
        ],
    )
    launcher.start()
    launcher.run()
