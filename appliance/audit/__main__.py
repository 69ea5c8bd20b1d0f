"""Entry of the audit process: ``/usr/bin/python3 -m appliance.audit --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def run(worker: Worker[Settings]) -> int:
    """Serve in the forked worker."""
    from appliance.audit.service import start
    from appliance.daemon import asyncio_loop

    return asyncio_loop.serve(worker, start)


if __name__ == "__main__":
    description = "Writes what may be recorded about use; nobody waits for it."
    raise SystemExit(main(Program("audit", run, load=load, description=description), sys.argv[1:]))
