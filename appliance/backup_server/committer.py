"""The committer: root, no network, one request per process. Its connection is standard input, systemd made it.

May live here: who asks, the table of what may be asked, and how it is told of errors. May not: doing it. The school is
not what the request says alone: the uid at the other end must be the owner of that school's ``lock``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from appliance.backup_server import asking, commit, deleted, disk, forget, forget_rule, ready, store
from appliance.backup_server.asking import Talk
from appliance.backup_server.forgotten import forgotten
from appliance.backup_server.manifest import Index, ManifestError, digest
from appliance.backup_server.settings import Settings
from appliance.backup_server.store import Place

Action = Callable[[Place, Mapping[str, Any], Talk], Mapping[str, Any]]
"""Does what a request asks for a school; gives the ``result``. Errors are told by their kind."""

_SCARCE = 3  # percent
_FREE_WITHIN = 120.0  # seconds for what a commit just before still does
_PATIENCE = 30.0  # seconds for a request to arrive
_NICE = 10


class Refused(Exception):
    """What was asked may not be; the text says why, and names nobody."""


def _begin(place: Place, _: Mapping[str, Any], __: Talk) -> Mapping[str, Any]:
    """Give back what a commit that was cut off had taken; the snapshot to compare with, and its index' SHA-256.

    Where the disk is as good as full, what waits is given up: it may be what fills it, and never be wanted again.
    """
    with place.locked(True, _FREE_WITHIN), store.building(place.owner()[1]):
        free, total = disk.room(place.snapshots)
        commit.recover(place, anew=free * 100 < total * _SCARCE)
        names = place.names()
        if not names:
            return {"base": None, "base_index": None, "forgotten": []}
        raw = (place.snapshots / names[-1] / "index").read_bytes()
        gone = {name for _, name in Index.decode(raw).sections} & forgotten(place.folder)
        return {"base": names[-1], "base_index": digest(raw), "forgotten": sorted(gone)}


def _commit(place: Place, _: Mapping[str, Any], talk: Talk) -> Mapping[str, Any]:
    return commit.commit(place, talk.say, _now)


def _forget(place: Place, said: Mapping[str, Any], _: Talk) -> Mapping[str, Any]:
    return forget.asked(place.folder, _body(said), _now())


def _deleted(place: Place, said: Mapping[str, Any], _: Talk) -> Mapping[str, Any]:
    with place.locked(True, _FREE_WITHIN):
        return {"lines": deleted.put(place.folder, _body(said), _now().date())}


def _body(said: Mapping[str, Any]) -> bytes:
    body = said.get("body")
    if not isinstance(body, str):
        raise Refused("a request without its body")
    return body.encode("utf-8", "surrogatepass")


ACTIONS: Mapping[str, Action] = {"begin": _begin, "commit": _commit, "forget": _forget, "deleted": _deleted}
"""All that a school's user may ask for."""


def serve(settings: Settings) -> int:
    """Answer the one request of the connection at standard input; the exit code is 0 also when it was refused.

    After a commit, what it leaves is removed, and the next one is made easier, unless somebody else is at work then:
    the next commit does by itself what was not done.
    """
    committed: Place | None = None
    with socket.socket(fileno=os.dup(0)) as connection, connection.makefile("rwb") as file:
        connection.settimeout(_PATIENCE)
        talk = Talk(file)
        try:
            request = asking.decoded(file.readline(asking.LONGEST))
            connection.settimeout(None)
            school, name = request.get("school"), request.get("action")
            place = store.place(settings, school if isinstance(school, str) else "")
            if asking.peer(connection) not in {place.owner()[0], os.geteuid()}:
                raise Refused("this school is somebody else's")
            action = ACTIONS.get(name) if isinstance(name, str) else None
            if action is None:
                raise Refused("there is no such action")
            talk.say({"result": action(place, request, talk)})
            committed = place if name == "commit" else None
        except (Refused, forget_rule.Refused, ManifestError, store.Busy) as error:
            talk.say({"error": str(error)})
        except OSError as error:
            talk.say({"error": _cause(error)})
            print(f"{type(error).__name__}: {_cause(error)}", file=sys.stderr)
        except (ValueError, OverflowError) as error:
            talk.say({"error": str(error)})
    if committed is not None:
        _hang_up()
        os.nice(_NICE)
        with contextlib.suppress(store.Busy, OSError, ManifestError):
            commit.clear_up(committed)
            ready.prepare(committed)
    return 0


def _hang_up() -> None:
    """Let go of the connection, which is standard input and output too, so that nobody waits for us."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    os.close(nothing)


def _cause(error: OSError) -> str:
    """What the school is told: no names of files."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk over there is full"
    return os.strerror(error.errno) if error.errno else "the disk over there fails"


def _now() -> datetime:
    return datetime.now(UTC)
