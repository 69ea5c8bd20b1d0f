"""One direction of one flow on a line that is shared: how much it may read now, and that it waits for more.

May live here: taking from the share of an account, waiting. May not: how the line is shared (``line``), moving bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.proxy.line import Share


class Pace:
    """Takes from ``share``, which it gives back at the end; ``resume`` is called when it may go on after waiting."""

    __slots__ = ("_resume", "_share", "_waits")

    def __init__(self, share: Share, resume: Callable[[], None]) -> None:
        self._share: Share | None = share
        self._resume = resume
        self._waits = False

    def room(self, most: int) -> int:
        """Give how many bytes, up to ``most``, may be read now; after 0 it is called back."""
        if self._waits or self._share is None:
            return 0
        room = self._share.take(most)
        if not room:
            self._waits = True
            self._share.wait(self._go_on)
        return room

    def unused(self, size: int) -> None:
        """Give back ``size`` bytes of the room: less was there to be read."""
        if self._share is not None:
            self._share.give_back(size)

    def end(self) -> None:
        """Nothing is read any more."""
        share, self._share = self._share, None
        self._resume = _nothing
        if share is not None:
            share.release()

    def _go_on(self) -> None:
        self._waits = False
        if self._share is not None:
            self._resume()


def _nothing() -> None:
    return
