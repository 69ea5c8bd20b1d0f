"""The service of one worker: it accepts connections, counts them, reloads and stops.

May live here: putting the parts together. May not: HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from appliance.autoconfig.facts import facts
from appliance.autoconfig.protocol import Conversation, Shared
from appliance.autoconfig.routes import Routes
from appliance.autoconfig.signing import Signer
from appliance.daemon.accepting import accepted
from appliance.daemon.connections import Connections
from appliance.daemon.logs import Told, describe
from appliance.daemon.loop import Loop
from appliance.daemon.main import Worker
from appliance.daemon.tls import TlsError, server_context
from appliance.settings.load import Settings

_log = logging.getLogger(__name__)
_MOST: Final = 500
_MOST_EACH: Final = 50  # from one address: a whole school may come through one
_DEADLINE: Final = 10.0
_GOODBYE: Final = 1.0


class AutoconfigService:
    """Answers on the listening sockets named ``http`` and ``https``."""

    def __init__(self, worker: Worker[Settings]) -> None:
        if not worker.listeners:
            raise Told("without both of its sockets it has nothing to do")
        plain = worker.listening_if_any("http", f"schoolserver-{worker.name}.socket")
        self._listeners = [(one, False) for one in plain]
        self._listeners += [(one, True) for one in worker.listening_if_any("https")]
        self._connections = Connections(_MOST, _MOST_EACH)
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: list[asyncio.Task[None]] = []
        self._listen = worker.settings.network.listen
        routes, tls = _read(worker.settings)
        self._shared = Shared(routes, tls, _DEADLINE)

    def listen(self) -> None:
        """Begin to accept connections."""
        self._accepting = [asyncio.ensure_future(self._accept(*one)) for one in self._listeners]

    async def stop(self) -> None:
        """Accept nothing new and let what is under way end within a second."""
        for task in self._accepting:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GOODBYE)
        for connection in self._connections:
            connection.give_way()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def reload(self, settings: Settings) -> None:
        """Go on with ``settings`` and the certificate that lies there now; raises :class:`Told` and changes nothing.

        Other ports count from the next start of everybody, so the present ones are told until then.
        """
        network = replace(settings.network, listen=self._listen)
        try:
            self._shared.routes, self._shared.tls = _read(replace(settings, network=network))
        except TlsError as error:
            raise Told(f"settings and certificate stay as they were: {error}") from error

    async def _accept(self, listener: socket.socket, encrypted: bool) -> None:
        async for link, address in accepted(listener):
            conversation = Conversation(self._shared, link, encrypted)
            if self._connections.take(conversation, address):
                task = conversation.begin()
                self._tasks.add(task)
                task.add_done_callback(partial(self._ended, conversation))
            else:
                link.close()

    def _ended(self, conversation: Conversation, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._connections.give_back(conversation)
        conversation.close()


def _read(settings: Settings) -> tuple[Routes, ssl.SSLContext]:
    folder = settings.server.state / "autoconfig" / "tls"
    tls, signer = server_context(folder), Signer(folder)
    proxy = find_spec("appliance.proxy") is not None  # a package of its own, which may be on no server or another
    told = facts(settings, _authority(settings.server.state / "authority" / "ca.pem"), proxy=proxy)
    return Routes(told, signer.sign, settings.school.language), tls


def _authority(path: Path) -> bytes | None:
    """The local authority's certificate as DER; ``None`` where there is none: then nobody can be told to trust it."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        _log.warning("the local authority's certificate cannot be offered: %s", describe(error))
        return None
    return found.public_bytes(serialization.Encoding.DER)


async def start(worker: Worker[Settings], _loop: Loop) -> AutoconfigService:
    """Make the service and let it listen; raises ``TlsError`` or ``Told`` for the carer."""
    service = AutoconfigService(worker)
    service.listen()
    return service
