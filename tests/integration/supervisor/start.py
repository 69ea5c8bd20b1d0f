"""Runs the school's launcher over some of its units: ``start.py SETTINGS UNIT…``; each change is a line on stdout."""

import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

from appliance.settings.load import load
from appliance.supervisor.launcher.children import ChildLauncher
from appliance.supervisor.launcher.units import school_units


def say(states):
    print(json.dumps({one.name: [one.state, one.pid, one.restarts, one.status] for one in states}), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = load(Path(sys.argv[1]))
    chosen = sys.argv[2:]
    units = [
        replace(unit, after=tuple(name for name in unit.after if name in chosen))
        for unit in school_units(settings)
        if unit.name in chosen
    ]
    launcher = ChildLauncher(settings, units, say)
    launcher.start()
    launcher.run()
