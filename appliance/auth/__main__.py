"""Entry of the password service: ``/usr/bin/python3 -m appliance.auth --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, main
from appliance.daemon.worker import Worker
from appliance.settings.load import Settings, load


def _run(worker: Worker[Settings]) -> int:
    from appliance.auth.service import start  # threads and a loop: in the worker only
    from appliance.daemon.asyncio_loop import serve

    return serve(worker, start)


if __name__ == "__main__":
    # One worker: the failures it counts and the key it hands out are in its memory.
    program = Program("auth", _run, load=load, description="Checks passwords for all services.")
    raise SystemExit(main(program, sys.argv[1:]))
