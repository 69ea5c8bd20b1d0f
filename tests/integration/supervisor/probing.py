"""Runs one probe of the domain where it is to run, on the domain's own machine: ``probing.py SETTINGS PROBE``.

The password of the account comes on standard input. Says ``right``, or why not and which unit is blamed.
"""

import sys
from pathlib import Path

from appliance.daemon.secret import Secret
from appliance.settings.load import load
from appliance.supervisor import probe_domain
from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword

if __name__ == "__main__":
    settings, probe = load(Path(sys.argv[1])), getattr(probe_domain, sys.argv[2])
    visitor = Visitor(settings, sys.argv[3], Secret(sys.stdin.readline().strip()), 2.0, settings.folder / "ca.pem")
    try:
        probe(visitor)
    except WrongPassword as failed:
        print(f"wrong password: {failed.text}")
    except ProbeFailed as failed:
        print(f"{failed.unit}: {failed.text}")
    else:
        print("right")
