"""Start the supervisor: ``/usr/bin/python3 -m appliance.supervisor --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def _run(worker: Worker[Settings]) -> int:
    from appliance.daemon.twisted_loop import serve
    from appliance.supervisor.service import start

    return serve(worker, start)


if __name__ == "__main__":
    program = Program("supervisor", _run, load=load, description="Publishes who may do what; answers the command line.")
    raise SystemExit(main(program, sys.argv[1:]))
