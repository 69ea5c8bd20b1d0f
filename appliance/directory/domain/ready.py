"""Waits until the domain answers: ``/usr/bin/python3 -P -m appliance.directory.domain.ready``.

Samba says that it is ready before its parts are, so its unit runs this after it: LDAPS answers (RFC 4511, 4.2: an
anonymous bind), and so do the ports of Kerberos, password changes, DNS and files. Exit 0 when all did, 1 when one did
not in time, 2 on wrong settings.
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Sequence

from appliance.daemon.arguments import settings_parser
from appliance.settings.load import Settings
from appliance.settings.program import run

_AGAIN = 0.05  # seconds
_LONGEST = 60.0
_ANSWER = 5.0
_HOST = "127.0.0.1"
_HELLO = bytes.fromhex("300c020101600702010304008000")
_PORTS = {"Kerberos": 88, "password changes": 464, "DNS": 53, "files": 445}


def main(argv: Sequence[str]) -> int:
    """Wait, and return the exit code."""
    options = settings_parser("Waits until the school's own domain answers.").parse_args(argv)
    return run("domain", options.settings, _waited)


def _waited(_settings: Settings) -> int:
    silent = wait(_LONGEST)
    if silent is None:
        return 0
    print(f"schoolserver domain: Samba does not answer ({silent})", file=sys.stderr)
    return 1


def wait(longest: float) -> str | None:
    """Return what of the domain on this machine has not answered within ``longest`` seconds; ``None``: all has."""
    end = time.monotonic() + longest
    waiting = {**_PORTS, "LDAPS": 636}
    while True:
        waiting = {name: port for name, port in waiting.items() if not _answers(port)}
        if not waiting:
            return None
        if time.monotonic() >= end:
            return ", ".join(f"{name}: port {port}" for name, port in waiting.items())
        time.sleep(_AGAIN)  # a port gives no sign of its coming


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), _ANSWER) as line:
            if port != 636:
                return True
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whether it answers, not who it is
            with context.wrap_socket(line) as secured:
                secured.sendall(_HELLO)
                return secured.recv(1) != b""
    except OSError:
        return False


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
