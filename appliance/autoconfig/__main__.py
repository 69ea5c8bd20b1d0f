"""Entry of the service: ``/usr/bin/python3 -m appliance.autoconfig --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def run(worker: Worker[Settings]) -> int:
    """Serve in one worker; what brings a loop is imported only here."""
    from appliance.autoconfig.service import start
    from appliance.daemon.asyncio_loop import serve

    return serve(worker, start)


if __name__ == "__main__":
    program = Program("autoconfig", run, load=load, description="Tells mail programs how they reach the school's mail.")
    raise SystemExit(main(program, sys.argv[1:]))
