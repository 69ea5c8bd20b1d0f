"""Following what the privileged process does for the backup. May live here: that. May not: what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from appliance.daemon.request_client import RequestRefused
from appliance.privileged.client import PrivilegedClient
from appliance.supervisor.core import Core
from appliance.supervisor.verb import Call, VerbError

_NAME = "%Y-%m-%dT%H%M%S"


@contextmanager
def helper(core: Core) -> Iterator[PrivilegedClient]:
    """A connection of our own to the privileged process: a long action delays nobody."""
    with closing(PrivilegedClient(core.settings.server.runtime / "privileged" / "privileged.sock")) as hands:
        yield hands


def shown(core: Core, name: str) -> str:
    """When the snapshot of this name was made, on the school's clocks."""
    made = datetime.strptime(name, _NAME).replace(tzinfo=UTC)
    return f"{made.astimezone(core.settings.school.zone):%Y-%m-%d %H:%M}"


def followed(hands: PrivilegedClient, call: Call, job: int) -> dict[str, Any]:
    """The result of an action of the privileged process, whose progress becomes ours; raises :class:`VerbError`."""
    return dict(until(hands, call, job, lambda _state: False)["outcome"]["result"])


def until(
    hands: PrivilegedClient, call: Call, job: int, enough: Callable[[Mapping[str, Any]], bool]
) -> Mapping[str, Any]:
    """How the action is once that is ``enough``, or it has ended; raises :class:`VerbError` when it failed."""
    seen = 0
    while True:
        try:
            state = hands.backup_follow(job, seen)
        except RequestRefused as refusal:
            raise VerbError("try-later", refusal.text) from refusal
        seen, outcome = state["seen"], state["outcome"]
        call.progress(*state["progress"])
        if outcome is not None and "error" in outcome:
            raise VerbError(outcome["error"]["kind"], outcome["error"]["text"])
        if outcome is not None or enough(state):
            return state
