"""How a service hands an event to the audit process: it sends and goes on.

May live here: one socket that never blocks, and the count of what it could not send. May not: a queue in memory, a
retry that waits, or any knowledge of what becomes of an event. The launcher keeps the listening socket while the audit
process is restarted, so that events sent meanwhile wait in the kernel.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

from appliance.policy.account import Service
from appliance.policy.codes import new_code
from appliance.policy.decision import Reason, Rule
from appliance.policy.events import Event, Kind, WrongEvent, encode

_log = logging.getLogger(__name__)
_CODE_BYTES = 16
_WAITING_BYTES = 212_992  # as much as Linux lets anybody ask for, and twice what it gives unasked


class AuditClient:
    """Sends events to the audit socket at ``path``; make one in each worker, after the fork. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many events could not be handed over since the start of this client."""
        return self._dropped

    def record(self, event: Event) -> None:
        """Hand ``event`` over, or count it as dropped; never waits and never raises."""
        try:
            data = encode(event)
        except WrongEvent as error:
            _log.error("an event is not recorded, for it is none of the closed list: %s", error)
            data = b""
        with self._lock:
            if not data or not self._send(data):
                self._dropped += 1

    def refuse(self, service: Service, reason: Reason, rule: Rule) -> str:
        """Record that ``service`` refused for ``reason`` by ``rule``; the short code to show, good for 24 hours.

        Nothing in the event says who was refused or what he wanted (K16).
        """
        code = new_code(os.urandom(_CODE_BYTES))
        fields = {
            "code": code,
            "service": service.value,
            "reason": reason.value,
            "source": rule.source,
            "text": rule.text,
        }
        self.record(Event(Kind.REFUSED, datetime.now(UTC), fields))
        return code

    def close(self) -> None:
        """Give the connection back; a later event opens a new one."""
        with self._lock:
            self._disconnect()

    def _send(self, data: bytes) -> bool:
        """Send over the open connection, or once over a new one when that has ended."""
        if self._socket is not None:
            try:
                return self._socket.send(data) == len(data)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                self._disconnect()
        try:
            self._socket = self._connect()
            return self._socket.send(data) == len(data)
        except BlockingIOError:
            return False
        except OSError:
            self._disconnect()
            return False

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _WAITING_BYTES)
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None
