"""Entry of the process that hands on mail: ``/usr/bin/python3 -m appliance.mail.outside --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def run(worker: Worker[Settings]) -> int:
    """Serve in one worker; what brings a loop is imported only here."""
    from appliance.daemon.asyncio_loop import serve
    from appliance.mail.outside.service import start

    return serve(worker, start)


if __name__ == "__main__":
    program = Program(
        "outbound",
        run,
        load=load,
        description="Hands mail to the outside to the smarthost, and tells senders what came of it.",
    )
    raise SystemExit(main(program, sys.argv[1:]))
