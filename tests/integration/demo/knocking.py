"""Somebody who keeps connecting to every door of a demo, and remembers each time that it was shut in his face."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.integration.demo.running import RunningDemo

_PAUSE = 0.02
_PATIENCE = 10.0


class Knocker:
    """One thread; ``refused`` holds what went wrong with each attempt to connect, ``attempts`` counts them by door."""

    def __init__(self, demo: RunningDemo) -> None:
        self._doors: dict[str, tuple[socket.AddressFamily, object]] = {
            name: (socket.AF_INET, demo.service(name)) for name in ("submission", "imap", "ldap")
        }
        self._doors["control"] = (socket.AF_UNIX, demo.contract["control"])
        self._enough = threading.Event()
        self.attempts = dict.fromkeys(self._doors, 0)
        self.refused: list[str] = []

    @contextlib.contextmanager
    def knocking(self) -> Iterator["Knocker"]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._enough.set()
            thread.join()

    def _run(self) -> None:
        while not self._enough.wait(_PAUSE):
            for name, (family, address) in self._doors.items():
                self.attempts[name] += 1
                with socket.socket(family) as client:
                    client.settimeout(_PATIENCE)
                    try:
                        client.connect(address)
                    except OSError as error:
                        self.refused.append(f"{name}: {error}")
