"""Entry of the firewall: ``/usr/bin/python3 -m appliance.firewall --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def run(worker: Worker[Settings]) -> int:
    """Keep the rules in one worker; what brings a loop is imported only here."""
    from appliance.daemon.asyncio_loop import serve
    from appliance.firewall.service import start

    return serve(worker, start)


if __name__ == "__main__":
    program = Program("firewall", run, load=load, description="Leads the WLAN's web to the proxy and closes the rest.")
    raise SystemExit(main(program, sys.argv[1:]))
