"""The verbs about former versions, in a thread of their own that stands back behind everything else.

May live here: the verbs. May not: how it is done (``shadows``), when, and how many are kept (the supervisor).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from appliance.daemon.request_server import Peer, RequestError, Verb
from appliance.privileged.counting import stand_back
from appliance.privileged.forgetting import Deleted
from appliance.privileged.shadows import Shadows, is_stamp

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Shadowing:
    """Those of ``data``, in which homes have names of the domain ``workgroup``."""

    def __init__(self, data: Path, workgroup: str) -> None:
        self._shadows = Shadows(data, workgroup)
        self._thread = ThreadPoolExecutor(1, "shadows", initializer=stand_back)
        self._late: list[tuple[str | None, Deleted]] = []  # known to the thread alone

    def verbs(self, allowed: Callable[[Peer], bool]) -> Mapping[str, Verb]:
        """The verbs for callers that are ``allowed``."""
        return {
            "shadows-list": Verb(self._list, {}, allowed),
            "shadows-take": Verb(self._take, {}, allowed),
            "shadows-remove": Verb(self._remove, {"stamp": str}, allowed),
        }

    def begin(self) -> None:
        """Finish what a power cut or our own end left."""
        self._thread.submit(self._sweep)
        try:
            noted = self._shadows.noted()
        except OSError as error:
            _log.error("what former versions are to forget cannot be read: %s", error.strerror)
            return
        for note, deleted in noted:
            self._thread.submit(self._forget, note, deleted)

    def note(self, deleted: Deleted) -> Callable[[], object]:
        """Note that ``deleted`` is to be taken out of all of them, however we end; begins when what it gives is called.

        Any thread may. Where no note can be written the disk is full: deleting makes room, and we remember it.
        """
        try:
            name = self._shadows.note(deleted)
        except OSError as error:
            _log.warning("what former versions are to forget cannot be noted: %s", error.strerror)
            name = None
        return partial(self._thread.submit, self._forget, name, deleted)

    def stop(self) -> None:
        """Finish what is being done."""
        self._thread.shutdown(cancel_futures=True)

    async def _list(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        """Looking waits for nothing."""
        return await self._run(self._look, waits=False)

    async def _take(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        hindrance = await self._run(self._shadows.hindrance)
        if hindrance is not None:
            raise RequestError("conflict", hindrance)
        return {"stamp": await self._run(self._make)}

    async def _remove(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        if not is_stamp(arguments["stamp"]):
            raise RequestError("bad-argument", "former versions are called by their instant")
        return {"removed": await self._run(partial(self._shadows.remove, arguments["stamp"]))}

    def _look(self) -> Mapping[str, Any]:
        return {"hindrance": self._shadows.hindrance(), "taken": list(self._shadows.taken())}

    async def _run(self, act: Callable[[], T], waits: bool = True) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread if waits else None, act)
        except OSError as error:
            raise RequestError("disk", os.strerror(error.errno or 0)) from error

    def _make(self) -> str:
        late, self._late = self._late, []
        for note, deleted in late:
            self._forget(note, deleted)
        return self._shadows.take()

    def _forget(self, note: str | None, deleted: Deleted) -> None:
        try:
            self._shadows.forget(deleted, note)
        except OSError as error:
            _log.error("former versions keep what was deleted; it is tried again with the next: %s", error.strerror)
            self._late.append((note, deleted))

    def _sweep(self) -> None:
        try:
            failed = self._shadows.sweep()
        except OSError as error:
            _log.error("the folder of former versions cannot be read: %s", error.strerror)
        else:
            if failed:
                _log.error("%d former version(s) cannot be deleted entirely", failed)
