"""All that the skeleton asks of an event loop: a timer and a wake-up.

May live here: the two seams, loop and service. May not: any loop; the adapters are ``asyncio_loop`` and
``twisted_loop``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Settings_contra = TypeVar("Settings_contra", contravariant=True)

Cancel = Callable[[], None]


class Loop(Protocol):
    """An event loop, whoever made it. Callbacks run in its thread; one that raises is logged and the loop goes on."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Cancel:
        """Run ``callback`` once, ``seconds`` from now; only from the loop's thread.

        The returned function cancels it; calling that again, or after the callback ran, does nothing.
        """
        ...

    def wake(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` soon; may be called from any thread and from a signal handler. Order is kept."""
        ...


class Service(Protocol[Settings_contra]):
    """What a daemon's ``start`` returns. Either method may return an awaitable (asyncio) or a Deferred (Twisted)."""

    def stop(self) -> object:
        """Accept nothing new, finish what is under way, give back what is held; the process ends afterwards."""
        ...

    def reload(self, settings: Settings_contra) -> object:
        """Go on with ``settings``, which were read and found right; what needs a restart stays as it was."""
        ...
