"""The guard's process: hears Samba's events, which lie on no disk, and tells the firewall who must wait.

Runs as root with the right to the firewall and no other; it opens no socket to any network. It may start before Samba
and outlive it: it says its name again where Samba has forgotten it. Exit 2 on wrong settings, 1 when it cannot start.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.daemon.arguments import settings_parser
from appliance.daemon.counts import Counts, Pace
from appliance.daemon.logs import set_up as set_up_logs
from appliance.daemon.nftables import FirewallError
from appliance.daemon.notify import Notifier
from appliance.guard.firewall import hold, set_up, take_down
from appliance.guard.rule import Guard, guesser
from appliance.settings.program import run

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_log = logging.getLogger("appliance.guard")
_NAME: Final = "auth_event"
_EVENT: Final = 0x800  # MSG_AUTH_LOG of Samba's librpc/idl/messaging.idl
_TURN: Final = 1.0  # seconds
_CAPACITY: Final = 20_000


def main(argv: Sequence[str]) -> int:
    """Guard until the end; return the exit code when that fails."""
    options = settings_parser("Delays for who guesses passwords.", "schoolserver-guard").parse_args(argv)
    set_up_logs("guard")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    notifier = Notifier.taken_from(os.environ)
    return run(
        "guard", options.settings, lambda settings: watch(settings, notifier), (FirewallError, OSError, RuntimeError)
    )


def watch(settings: Settings, notifier: Notifier) -> None:
    """Hear events and hold who guesses, until the process is ended."""
    numbers = settings.auth
    pace = Pace(numbers.first_delay, numbers.factor, numbers.max_delay)
    guard = Guard(Counts(numbers.address_bar, numbers.window, pace, _CAPACITY))
    set_up(settings.fileshare.connections_per_address)

    def heard(_context: object, _kind: object, _source: object, event: Any) -> None:
        address = guesser(event if isinstance(event, bytes) else str(event).encode())
        if address is not None and (seconds := guard.failed(address, time.monotonic())) > 0:
            try:
                hold(address, seconds)
            except FirewallError as error:
                _log.error("who guesses passwords cannot be delayed: %s", error)
            else:
                _log.warning("an address that guesses passwords of the domain waits for %d s", round(seconds))

    bus = _bus(settings.server.state / "domain" / "smb.conf")
    bus.register((heard, None), msg_type=_EVENT)
    bus.irpc_add_name(_NAME)
    notifier.ready("delays who guesses passwords")
    try:
        while True:
            bus.loop_once(_TURN)
            notifier.watchdog_fed()
            if not bus.irpc_servers_byname(_NAME):
                bus.irpc_add_name(_NAME)
    finally:
        take_down()


def _bus(config: Path) -> Any:
    """Join the messages of the Samba of ``config``; imported late, for settings are to be judged without Samba."""
    from samba.messaging import Messaging
    from samba.param import LoadParm

    return Messaging((1,), lp_ctx=LoadParm(filename_for_non_global_lp=str(config)))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
