"""One connection to the second place for all that a copy asks of it, instead of one each.

May live here: ssh's own way of sharing a connection. May not: what goes over it.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from appliance.backup import argv
from appliance.backup.intent import SecondPlace
from appliance.backup.problem import NO_ANSWER, BackupError

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/"}
_LONGER = 10.0  # seconds beyond what ssh itself waits for the connection


@contextlib.contextmanager
def shared(place: SecondPlace, socket: Path) -> Iterator[SecondPlace]:
    """Hold a connection at ``socket``; gives the same place, reached over it. Raises :class:`BackupError`.

    Should the connection end in between, whatever is asked next opens one of its own.
    """
    socket.unlink(missing_ok=True)
    holder = subprocess.Popen(
        argv.hold(place, socket),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
    )
    with holder:
        try:
            _wait_for_word(holder, place.timeout + _LONGER)
            yield replace(place, line=socket)
        finally:
            holder.terminate()


def _wait_for_word(holder: subprocess.Popen[bytes], seconds: float) -> None:
    """Ssh says something as soon as it is connected and shares its connection."""
    assert holder.stdout is not None  # noqa: S101 - it was asked for
    poll = select.poll()
    poll.register(holder.stdout.fileno(), select.POLLIN)
    if not poll.poll(seconds * 1000) or not os.read(holder.stdout.fileno(), 64):
        raise BackupError("unreachable", NO_ANSWER)
