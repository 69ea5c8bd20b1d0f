"""Entry of the privileged process: ``/usr/bin/python3 -m appliance.privileged --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def run(worker: Worker[Settings]) -> int:
    """Serve in the forked worker."""
    from appliance.daemon import asyncio_loop
    from appliance.privileged.service import start

    return asyncio_loop.serve(worker, start)


if __name__ == "__main__":
    description = "Does for the supervisor what only root can do."
    raise SystemExit(main(Program("privileged", run, load=load, description=description), sys.argv[1:]))
