"""Entry of the file service: ``/usr/bin/python3 -m appliance.fileshare --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def run(worker: Worker[Settings]) -> int:
    """Serve in one worker, which gives up what it does not need of root first."""
    from appliance.fileshare.loop import serve
    from appliance.fileshare.service import start

    return serve(worker, start)


if __name__ == "__main__":
    program = Program(
        "fileshare",
        run,
        load=load,
        workers=lambda settings: settings.fileshare.workers,
        description="Gives people their homes and group folders over FTP with TLS.",
    )
    raise SystemExit(main(program, sys.argv[1:]))
