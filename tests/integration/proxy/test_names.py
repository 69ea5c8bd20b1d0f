"""Looking up names with a real nameserver: what it knows, and what if it is dead, silent, slow or not the right one.

Nothing here asks beyond the loopback.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import defer, task
from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure

from appliance.proxy.names import Missing, Names
from tests.integration.proxy.nameserver import Relay, dnsmasq
from tests.integration.support_ports import free_port
from tests.unit.proxy.test_https_record import PUBLISHED, config, ech, listed

KEYS = listed(config(7, name=b"Front.example"), config(8), config(9, name=b"aliased.example"))
FOUR, SIX = ip_address("192.0.2.1"), ip_address("2001:db8::1")
AAAA, HTTPS = b"\0\x1c\0\1", b"\0\x41\0\1"


class Reactor(EPollReactor):
    """One whose clock can be put forward."""

    ahead = 0.0

    def seconds(self) -> float:
        return float(super().seconds()) + self.ahead


class Place:
    """The machine's files, and the port of its nameservers."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.conf = folder / "resolv.conf"
        self.hosts = folder / "hosts"
        self.reactor = Reactor()
        self.servers("127.0.0.1")

    def servers(self, *addresses: str, suffix: str = "") -> None:
        self.conf.write_text("".join(f"nameserver {address}\n" for address in addresses) + suffix)

    def run(self, steps: Callable[[Names], Awaitable[None]], timeout: float = 10.0) -> None:
        """Take the ``steps`` with names that are looked up for at most ``timeout`` seconds."""
        names = Names(self.reactor, timeout, self.conf, self.hosts, self.port)
        ended: list[Any] = []

        def begin() -> None:
            going: Any = defer.ensureDeferred(steps(names))  # type: ignore[arg-type]
            going.addTimeout(10_000, self.reactor).addBoth(ended.append).addBoth(lambda _: self.reactor.stop())

        self.reactor.callWhenRunning(begin)
        self.reactor.run(installSignalHandlers=False)
        if isinstance(ended[0], Failure):
            ended[0].raiseException()

    async def later(self, seconds: float) -> None:
        """Let ``seconds`` go by."""
        await task.deferLater(self.reactor, 0)
        self.reactor.ahead += seconds

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await task.deferLater(self.reactor, 0.01)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@contextlib.contextmanager
def silent(place: Place, address: str = "127.0.0.1") -> Iterator[socket.socket]:
    """Listen as a nameserver would, and never answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, place.port))
        yield server


def at_once(answer: bytes, send: Callable[[bytes], None]) -> None:
    send(answer)


def test_what_a_nameserver_knows(place: Place) -> None:
    async def steps(names: Names) -> None:
        assert names.known("both.example") is None
        assert await names.look_up("both.example", False) == [SIX, FOUR]
        assert names.known("both.example") == [SIX, FOUR]
        assert await names.look_up("four.example", False) == [ip_address("192.0.2.4")]
        assert await names.look_up("six.example", True) == [ip_address("2001:db8::6")]
        assert await names.look_up("alias.example", False) == [SIX, FOUR]
        assert await names.look_up("absent.example", False) is Missing.NAME
        assert await names.look_up("text.example", False) is Missing.NAME
        assert names.known("text.example") is Missing.NAME
        assert await names.look_up("elsewhere.test", False) is Missing.ANSWER, "it refuses what is not its own"

    with dnsmasq(place.port):
        place.run(steps)


def test_what_does_not_fit_comes_over_tcp(place: Place) -> None:
    async def steps(names: Names) -> None:
        found = await names.look_up("many.example", False)
        assert isinstance(found, list) and len(found) == 16

    with dnsmasq(place.port):
        place.run(steps)


def test_when_it_does_not_come_over_tcp_the_next_server_is_asked(place: Place) -> None:
    async def steps(names: Names) -> None:
        found = await names.look_up("many.example", False)
        assert isinstance(found, list) and len(found) == 16

    place.servers("127.0.0.2", "127.0.0.1")
    with dnsmasq(place.port), Relay(place.port, at_once).on(place.port, "127.0.0.2"):
        place.run(steps, timeout=0.9)


def test_an_answer_without_time_to_live_serves_those_who_come_just_now(place: Place) -> None:
    async def steps(names: Names) -> None:
        for _ in range(3):
            assert await names.look_up("short.example", False) == [ip_address("192.0.2.5")]
        assert len(relay.questions) == 2, "one for each family"
        await place.later(6)
        assert names.known("short.example") is None
        assert await names.look_up("short.example", False) == [ip_address("192.0.2.5")]
        assert len(relay.questions) == 4

    place.servers("127.0.0.2")
    with dnsmasq(place.port), Relay(place.port, at_once).on(place.port, "127.0.0.2") as relay:
        place.run(steps)


def test_a_dead_server_costs_nothing_while_another_lives(place: Place) -> None:
    async def steps(names: Names) -> None:
        assert await names.look_up("both.example", False) == [SIX, FOUR]

    place.servers("127.0.0.2", "127.0.0.1")
    with dnsmasq(place.port):
        place.run(steps, timeout=0.9)


def test_one_that_refuses_is_not_the_last_that_is_asked(place: Place) -> None:
    async def steps(names: Names) -> None:
        assert await names.look_up("www.test", False) == [FOUR]

    place.servers("127.0.0.1", "127.0.0.2")
    with dnsmasq(place.port), dnsmasq(place.port, "127.0.0.2", f"--address=/www.test/{FOUR}"):
        place.run(steps, timeout=0.9)


def test_when_a_server_lets_us_wait_the_next_is_asked_too(place: Place) -> None:
    async def steps(names: Names) -> None:
        began = place.reactor.seconds()
        assert await names.look_up("both.example", False) == [SIX, FOUR]
        assert 0.9 < place.reactor.seconds() - began < 5

    place.servers("127.0.0.2", "127.0.0.1")
    with dnsmasq(place.port), silent(place, "127.0.0.2"):
        place.run(steps)


def test_when_all_are_silent_everybody_is_told_in_time(place: Place) -> None:
    async def steps(names: Names) -> None:
        waiting = [defer.ensureDeferred(names.look_up(f"{number}.example", False)) for number in range(20)]
        began = place.reactor.seconds()
        assert [await one for one in waiting] == [Missing.ANSWER] * 20
        assert 0.4 < place.reactor.seconds() - began < 5
        assert names.known("0.example") is Missing.ANSWER
        assert await names.encrypted_hello_ids("0.example") is Missing.ANSWER

    with silent(place):
        place.run(steps, timeout=0.5)


def test_who_asks_for_names_that_nobody_answers_keeps_no_others_away(place: Place) -> None:
    def slow(answer: bytes, send: Callable[[bytes], None]) -> None:
        if b"\4slow" not in answer:
            send(answer)

    async def steps(names: Names) -> None:
        hanging = [defer.ensureDeferred(names.look_up(f"{number}.slow.example", False)) for number in range(200)]
        assert await names.look_up("four.example", False) is Missing.ANSWER, "each gets a moment"
        await place.later(6)
        for name in ("both.example", "alias.example"):
            assert await names.look_up(name, False) == [SIX, FOUR]
        assert (hanging[0].called, hanging[2].called) == (True, False), "two made room for two"
        assert await hanging[0] is Missing.ANSWER
        for one in hanging[1:]:
            one.cancel()
            one.addErrback(lambda failure: failure.trap(defer.CancelledError))

    place.servers("127.0.0.2")
    with dnsmasq(place.port), Relay(place.port, slow).on(place.port, "127.0.0.2"):
        place.run(steps, timeout=60)


def test_when_keys_are_not_told_nobody_waits_long_or_often(place: Place) -> None:
    def no_keys(answer: bytes, send: Callable[[bytes], None]) -> None:
        if HTTPS not in answer:
            send(answer)

    async def steps(names: Names) -> None:
        began = place.reactor.seconds()
        assert await names.encrypted_hello_ids("both.example") is Missing.ANSWER
        assert place.reactor.seconds() - began < 3
        asked = len(relay.questions)
        await place.later(50)
        assert await names.encrypted_hello_ids("both.example") is Missing.ANSWER
        assert len(relay.questions) == asked
        assert await names.look_up("both.example", False) == [SIX, FOUR]

    place.servers("127.0.0.2")
    with dnsmasq(place.port), Relay(place.port, no_keys).on(place.port, "127.0.0.2") as relay:
        place.run(steps)


def test_when_all_are_dead_everybody_is_told_at_once_and_what_was_known_stands_in(place: Place) -> None:
    async def steps(names: Names) -> None:
        with dnsmasq(place.port):
            assert await names.look_up("both.example", False) == [SIX, FOUR]
        await place.later(400)
        assert names.known("both.example") is None
        assert await names.look_up("both.example", False) == [SIX, FOUR]
        assert await names.look_up("four.example", False) is Missing.ANSWER
        await place.later(600)
        assert await names.look_up("both.example", False) is Missing.ANSWER

    place.run(steps)


def test_the_slower_family_is_not_waited_for_but_counts_when_it_comes(place: Place) -> None:
    held: list[Callable[[], None]] = []

    def hold(answer: bytes, send: Callable[[bytes], None]) -> None:
        if AAAA in answer:
            held.append(lambda: send(answer))
        else:
            send(answer)

    async def steps(names: Names) -> None:
        assert await names.look_up("both.example", False) == [FOUR]
        assert names.known("both.example") == [FOUR]
        held[0]()
        await place.until(lambda: names.known("both.example") == [SIX, FOUR])
        assert defer.ensureDeferred(names.look_up("six.example", False)).called is False
        await place.until(lambda: len(held) == 2)
        assert names.known("six.example") is None, "there is nothing to give before it comes"
        held[1]()
        await place.until(lambda: names.known("six.example") == [ip_address("2001:db8::6")])

    place.servers("127.0.0.2")
    with dnsmasq(place.port), Relay(place.port, hold).on(place.port, "127.0.0.2"):
        place.run(steps)


def test_answers_of_others_and_to_other_questions_count_for_nothing(place: Place) -> None:
    def forge(answer: bytes, send: Callable[[bytes], None]) -> None:
        forged = answer.replace(FOUR.packed, bytes([192, 0, 2, 66]))
        send(bytes([forged[0] ^ 1]) + forged[1:])
        send(forged.replace(b"both", b"BOTX"))
        send(forged[:2] + b"\0" + forged[3:])
        send(forged[:7])
        send(answer)

    async def steps(names: Names) -> None:
        assert await names.look_up("both.example", False) == [SIX, FOUR]

    place.servers("127.0.0.2")
    with dnsmasq(place.port), Relay(place.port, forge).on(place.port, "127.0.0.2"):
        place.run(steps)


def test_only_the_server_that_was_asked_may_answer(place: Place) -> None:
    async def steps(names: Names) -> None:
        with silent(place) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            server.setblocking(False)
            waiting = defer.ensureDeferred(names.look_up("four.example", False))
            asked = [server.recvfrom(2048) for _ in range(2)]
            for data, client in asked:
                stranger.sendto(_forged(data), client)
            assert await waiting is Missing.ANSWER
            await place.later(10)
            waiting = defer.ensureDeferred(names.look_up("four.example", False))
            for data, client in [server.recvfrom(2048) for _ in range(2)]:
                server.sendto(_forged(data), client)
            assert await waiting == [ip_address("192.0.2.66")], "the same bytes, from where they are awaited"

    place.run(steps, timeout=0.5)


def _forged(asked: bytes) -> bytes:
    """Answer a question for addresses of IPv4, and that there are none of IPv6."""
    row = b"" if asked.endswith(AAAA) else b"\xc0\x0c\0\1\0\1\0\0\1\0\0\4\xc0\0\2\x42"
    return asked[:2] + b"\x81\x80\0\1" + (b"\0\1" if row else b"\0\0") + bytes(4) + asked[12:] + row


def test_this_machines_hosts_come_first_and_some_names_are_never_asked(place: Place) -> None:
    place.hosts.write_text("10.1.0.7 both.example intranet\n")
    place.servers("127.0.0.2")

    async def steps(names: Names) -> None:
        assert await names.look_up("both.example", True) == [ip_address("10.1.0.7")]
        assert await names.look_up("intranet", True) == [ip_address("10.1.0.7")]
        for name in ("localhost", "a.localhost"):
            assert await names.look_up(name, False) == [ip_address("::1"), ip_address("127.0.0.1")]
        for name in (
            "",
            ".",
            "a..b",
            "a.example.",
            "A.example",
            "ä.example",
            "a b.example",
            "x" * 64,
            "127.1",
            "0x7f.1",
        ):
            assert await names.look_up(name, False) is Missing.NAME
        for name in ("2130706433", "10.1.0.1", "::1", "a.onion", "a.invalid", ".".join(["a" * 60] * 5)):
            assert await names.look_up(name, False) is Missing.NAME
        assert await names.encrypted_hello_ids("both.example") == frozenset()
        assert relay.questions == []

    with dnsmasq(place.port), Relay(place.port, at_once).on(place.port, "127.0.0.2") as relay:
        place.run(steps)


def test_a_single_word_gets_the_suffixes_of_this_machine(place: Place) -> None:
    place.servers("127.0.0.1", suffix="search none.example schule.example\n")

    async def steps(names: Names) -> None:
        assert await names.look_up("word", True) == [ip_address("192.0.2.7")]
        assert await names.look_up("absent", True) is Missing.NAME
        assert await names.look_up("word.none", True) is Missing.ANSWER, "not its own, and no single word"

    with dnsmasq(place.port):
        place.run(steps)


def test_other_servers_are_asked_when_the_file_names_others(place: Place) -> None:
    async def steps(names: Names) -> None:
        assert await names.look_up("four.example", False) == [ip_address("192.0.2.4")]
        place.servers("127.0.0.2")
        await place.later(1.1)
        assert await names.look_up("six.example", False) == [ip_address("2001:db8::6")]
        assert names.known("four.example") is None, "what the other said is forgotten"
        assert await names.look_up("four.example", False) == [ip_address("192.0.2.4"), ip_address("192.0.2.44")]

    more = "--host-record=four.example,192.0.2.44,300"
    with dnsmasq(place.port), dnsmasq(place.port, "127.0.0.2", more):
        place.run(steps)


def test_which_keys_for_encrypted_hellos_a_site_publishes(place: Place) -> None:
    def record(name: str, data: bytes) -> str:
        return f"--dns-rr={name},65,{data.hex()}"

    async def steps(names: Names) -> None:
        assert await names.encrypted_hello_ids("front.example") == {7}
        assert await names.encrypted_hello_ids("aliased.example") == {9}
        assert await names.encrypted_hello_ids("site.example") == frozenset(), "with its key one says another name"
        assert await names.encrypted_hello_ids("round.example") == frozenset()
        assert await names.encrypted_hello_ids("damaged.example") == frozenset()
        assert await names.encrypted_hello_ids("both.example") == frozenset()

    with dnsmasq(
        place.port,
        "127.0.0.1",
        record("site.example", b"\0\1\0\0\1\0\3\2h2" + ech(PUBLISHED)),
        record("front.example", b"\0\1\0\0\1\0\3\2h2" + ech(KEYS)),
        record("aliased.example", b"\0\0\5front\7example\0"),
        record("round.example", b"\0\0\5round\7example\0"),
        record("damaged.example", b"\0\1\0" + ech(PUBLISHED)[:-1]),
    ):
        place.run(steps)
