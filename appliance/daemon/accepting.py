"""Accepting connections ourselves, for who counts them before asyncio makes anything of them. Needs its loop.

May live here: when it is tried again. May not: who is let in (``connections``), what is said.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator

from appliance.daemon.logs import describe

_log = logging.getLogger(__name__)
_AGAIN = 0.5
"""Seconds after which we accept again when the system had no room."""


async def accepted(listener: socket.socket) -> AsyncIterator[tuple[socket.socket, str]]:
    """Give each connection of ``listener``, which does not block, with the address that it comes from; never ends."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            link, address = await loop.sock_accept(listener)
        except OSError as error:
            _log.warning("a connection could not be accepted: %s", describe(error))
            await asyncio.sleep(_AGAIN)
            continue
        yield link, str(address[0])
        await asyncio.sleep(0)  # who connects without a pause keeps nobody else waiting
