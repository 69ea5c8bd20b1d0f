"""Entry of the mail service: ``/usr/bin/python3 -m appliance.mail --settings DIR``."""

from __future__ import annotations

import sys

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load


def run(worker: Worker[Settings]) -> int:
    """Serve in one worker; what brings a loop is imported only here."""
    import uvloop

    from appliance.daemon.asyncio_loop import serve
    from appliance.mail.service import start

    return serve(worker, start, uvloop.new_event_loop)


if __name__ == "__main__":
    program = Program(
        "mail",
        run,
        load=load,
        workers=lambda settings: settings.mail.workers,
        description="Takes in mail from the school's mail programs and puts it into the mailboxes.",
    )
    raise SystemExit(main(program, sys.argv[1:]))
