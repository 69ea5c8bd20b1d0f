"""Looking up names, with the system's resolver replaced: it may hang, fail, or know nothing."""

import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from twisted.internet import defer
from twisted.internet.task import Clock

from appliance.proxy import names
from appliance.proxy.names import Missing, Names


class Reactor(Clock):
    """A clock, and what threads hand over, taken in by :meth:`taken`."""

    def __init__(self) -> None:
        super().__init__()
        self._handed: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._arrived = threading.Semaphore(0)

    def callFromThread(self, call: Callable[..., None], *arguments: Any) -> None:
        self._handed.append((call, arguments))
        self._arrived.release()

    def taken(self) -> None:
        """Wait for one answer and take it in."""
        assert self._arrived.acquire(timeout=5), "no look-up has ended"
        call, arguments = self._handed.pop(0)
        call(*arguments)


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let names of example.org hang until the event, and all others be 10.1.0.7 at once."""
    end = threading.Event()

    def answer(host: str, *_arguments: object, **_named: object) -> list[Any]:
        if host.endswith("example.org"):
            assert end.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.0.7", 0))] * 2

    monkeypatch.setattr(names.socket, "getaddrinfo", answer)
    yield end
    end.set()


def asked(one: Names, host: str, inside: bool = False) -> list[Any]:
    """Begin a look-up; the list gets what comes of it."""
    found: list[Any] = []
    defer.ensureDeferred(one.look_up(host, inside)).addCallback(found.append)
    return found


@pytest.mark.parametrize(
    ("error", "missing"),
    [
        (socket.gaierror(socket.EAI_NONAME, ""), Missing.NAME),
        (socket.gaierror(socket.EAI_AGAIN, ""), Missing.ANSWER),
        (socket.gaierror(socket.EAI_FAIL, ""), Missing.ANSWER),
        (UnicodeError(), Missing.NAME),
        (OSError(24, ""), Missing.ANSWER),
    ],
)
def test_no_such_name_is_told_from_no_answer(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch, error: Exception, missing: Missing
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr(names.socket, "getaddrinfo", fail)
    found = asked(Names(reactor, 15), "a.example.org")
    reactor.taken()
    assert found == [missing]


def test_a_name_gives_each_address_once(reactor: Reactor, hanging: threading.Event) -> None:
    found = asked(Names(reactor, 15), "intranet.schule.example")
    reactor.taken()
    assert found == [[ip_address("10.1.0.7")]]


def test_who_waits_for_a_name_that_hangs_is_told_in_time(reactor: Reactor, hanging: threading.Event) -> None:
    found = asked(Names(reactor, 15), "www.example.org")
    reactor.advance(14.9)
    assert found == []
    reactor.advance(0.2)
    assert found == [Missing.ANSWER]
    hanging.set()
    reactor.taken()  # what comes too late harms nobody
    assert found == [Missing.ANSWER]


def test_names_that_hang_hold_up_no_others(
    reactor: Reactor, hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_MOST", {False: 3, True: 1})
    one = Names(reactor, 15)
    waiting = [asked(one, f"{number}.example.org") for number in range(3)]
    assert asked(one, "4.example.org") == [Missing.ANSWER], "said at once when too many hang"
    inside = asked(one, "intranet.schule.example", inside=True)
    reactor.taken()
    assert inside == [[ip_address("10.1.0.7")]]
    assert waiting == [[], [], []]
    hanging.set()
    for _ in waiting:
        reactor.taken()
    assert waiting == [[Missing.ANSWER]] * 3
    again = asked(one, "intranet.schule.example")
    reactor.taken()
    assert again == [[ip_address("10.1.0.7")]], "their places are free again"
