"""Entry of the door of the drives over SMB: ``/usr/bin/python3 -m appliance.fileshare.smb --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def run(worker: Worker[Settings]) -> int:
    """Watch in one worker: the sessions are one list."""
    from appliance.daemon.asyncio_loop import serve
    from appliance.fileshare.smb.service import start

    return serve(worker, start)


if __name__ == "__main__":
    program = Program(
        "smb", run, load=load, description="Lets people into their drives over SMB, and watches them there."
    )
    raise SystemExit(main(program, sys.argv[1:]))
