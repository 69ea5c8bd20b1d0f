"""One setup at a time, the daily renewal included."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from appliance.setup.places import Places


class Busy(Exception):
    """Another setup is under way."""


@contextlib.contextmanager
def alone(places: Places, *, wait: bool = False) -> Iterator[None]:
    """Hold off any other setup on this machine; raises :class:`Busy`, or waits for its end."""
    there = next(one for one in (places.settings, *places.settings.parents) if one.is_dir())
    handle = os.open(there, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Busy("another setup is under way on this machine; wait for its end") from None
        yield
    finally:
        os.close(handle)
