"""The daily look at the certificates: renews what nears its end, and lets the units concerned load it.

Started by schoolserver-certificates.timer as root: ``/usr/bin/python3 -P -m appliance.setup.renew``. It also takes over
the school's own certificate where its files were renewed without telling us. Exit code 1: somebody has to do something.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from appliance.daemon import logs
from appliance.daemon.authority import AuthorityError
from appliance.daemon.options import SettingsError
from appliance.settings.load import load
from appliance.setup import certificates
from appliance.setup.alone import alone
from appliance.setup.own_pair import PairProblem
from appliance.setup.places import Places
from appliance.setup.system import System, Systemd, SystemProblem, reload
from appliance.supervisor.launcher.units import school_units

_log = logging.getLogger("appliance.setup.renew")  # it is __main__ when it runs


def renew(places: Places, system: System, warn: Callable[[str], None] = lambda _text: None) -> list[str]:
    """See that every installed part has a good pair; give the units that got a new one and were told.

    ``warn`` gets what the carer should know about the school's own certificate.

    Raises :class:`SettingsError`, :class:`PairProblem`, :class:`AuthorityError`, :class:`SystemProblem`, ``OSError``.
    """
    settings = load(places.settings)
    installed = [one for one in school_units(settings) if (places.units / f"schoolserver-{one.name}.service").exists()]
    parts = [part for part in certificates.parts(installed) if part.folder.is_dir()]
    with alone(places, wait=True):
        pair = certificates.own_pair(settings)
        renewed = certificates.bring(settings, parts, places.authority)
        for warning in pair.warnings if pair is not None else ():
            warn(warning)
        reload(system, renewed)
    return renewed


def main(argv: Sequence[str]) -> int:
    """Renew, and say in one line what was done; give the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m appliance.setup.renew", description=__doc__)
    parser.add_argument("--settings", metavar="DIR", type=Path, default=Places().settings)
    places = replace(Places(), settings=parser.parse_args(argv).settings)
    logs.set_up("certificates")
    os.umask(0o022)  # the authority's certificate is for everybody
    if not places.marker.exists():
        _log.info("nothing is set up yet")
        return 0
    try:
        renewed = renew(places, Systemd(), lambda text: _log.warning("%s", text))
    except (SettingsError, PairProblem, AuthorityError, SystemProblem, OSError) as error:
        _log.error("the certificates were not renewed: %s", error)
        return 1
    _log.info("%s", f"new certificates for {', '.join(renewed)}" if renewed else "every certificate is good")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
