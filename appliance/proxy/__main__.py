"""Entry of the web service: ``/usr/bin/python3 -m appliance.proxy --settings DIR``."""

from __future__ import annotations

import os
import sys
from functools import partial

from appliance.daemon.main import Program, Worker, main
from appliance.settings.load import Settings, load

_KEY = os.urandom(32)
"""Of all workers, which are forked from here: they tell each other what they count."""


def run(worker: Worker[Settings]) -> int:
    """Serve in one worker; the reactor is chosen and loaded only here."""
    from twisted.internet import epollreactor

    epollreactor.install()
    from appliance.daemon.twisted_loop import serve
    from appliance.proxy.service import start

    return serve(worker, partial(start, key=_KEY))


if __name__ == "__main__":
    program = Program(
        "proxy",
        run,
        load=load,
        workers=lambda settings: settings.proxy.workers,
        description="Lets the school's browsers into the internet, as far as it is open to who signed in.",
    )
    raise SystemExit(main(program, sys.argv[1:]))
