"""How two connections keep each other from filling memory: who cannot write on stops the other one's reading.

May live here: Twisted's producers, nothing else. The end of one connection does not end the other by itself: what
becomes of it is said by ``exchange`` and ``tunnel``.
"""

from __future__ import annotations

from typing import Any


def couple(one: Any, other: Any) -> None:
    """Let each of the two transports read only while the other one can write."""
    one.registerProducer(_Reins(other), True)
    other.registerProducer(_Reins(one), True)
    one.resumeProducing()
    other.resumeProducing()


def uncouple(one: Any, other: Any) -> None:
    """Let each go its own way again."""
    one.unregisterProducer()
    other.unregisterProducer()


class _Reins:
    """A transport's reading, without its end: a transport that ends would end whatever feeds it."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def pauseProducing(self) -> None:
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        self._transport.resumeProducing()

    def stopProducing(self) -> None:
        return
