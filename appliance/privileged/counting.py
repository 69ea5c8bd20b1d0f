"""Counting what lies on the disk, which only root may see; sizes leave this process, names of files do not.

May live here: the verb, and that counting stands back behind everything else. May not: how is counted (``usage.scan``).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from appliance.daemon.request_server import Peer, RequestError, Verb
from appliance.privileged import names
from appliance.usage.scan import Found, scan

_LOWEST = 19
_MOST_LOGINS = 1_000


class Counting:
    """Counts below ``data`` in one thread of the lowest priority."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._thread = ThreadPoolExecutor(1, "counting", initializer=stand_back)

    def verbs(self, allowed: Callable[[Peer], bool], ids: Callable[[], names.Ids]) -> Mapping[str, Verb]:
        """The verb for callers that are ``allowed``; ``ids()`` are those that accounts may have now."""

        async def usage_scan(arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
            logins, owners = arguments["logins"], ids()
            if len(logins) > _MOST_LOGINS:
                raise RequestError("bad-argument", f"at most {_MOST_LOGINS} logins are counted at once")
            try:
                for login in logins:
                    names.login(login)
            except names.WrongArgument as error:
                raise RequestError("bad-argument", str(error)) from error
            groups = None if arguments["groups"] else ()
            count = partial(scan, self._data, range(owners.first, owners.last + 1), logins, groups)
            try:
                return _fields(await asyncio.get_running_loop().run_in_executor(self._thread, count))
            except OSError as error:
                raise RequestError("disk", os.strerror(error.errno or 0)) from error

        return {"usage-scan": Verb(usage_scan, {"logins": list[str], "groups": bool}, allowed)}

    def stop(self) -> None:
        """Finish what is being counted."""
        self._thread.shutdown()


def _fields(found: Found) -> Mapping[str, Any]:
    """JSON knows texts as keys only."""
    return {
        "mail": dict(found.mail),
        "files": {str(uid): size for uid, size in found.files.items()},
        "homes": dict(found.homes),
        "deep": sorted(found.deep),
    }


def stand_back() -> None:
    """Give this thread the lowest priority: Linux counts threads as processes here."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)
