"""What workers tell each other: the format, and real sockets in a reactor of their own time."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from appliance.policy.request import Action
from appliance.proxy.gossip import Gossip
from appliance.proxy.gossip_wire import COUNTS_EACH, LONGEST, Heard, decode, encode
from appliance.proxy.line import Line
from appliance.proxy.line_part import Wants
from appliance.proxy.metering import Count, Meters

KEY = b"k" * 32
HASH = st.integers(1, 2**60 - 1)
COUNTS = st.lists(st.builds(Count, HASH, HASH, st.integers(0, 2**40), st.integers(0, 2**40)), max_size=20)
WANTS = st.dictionaries(
    st.sampled_from([Action.FETCH, Action.WRITE]), st.builds(Wants, st.floats(0, 1e9), st.frozensets(HASH))
)


@given(COUNTS, WANTS, st.integers(0, 63))
def test_what_is_said_is_heard(counts, wants, worker):
    heard = [decode(datagram, KEY) for datagram in encode(worker, counts, wants, KEY)]
    assert {one.worker for one in heard} <= {worker}
    assert [count for one in heard for count in one.counts] == counts
    assert {action: want for one in heard for action, want in one.wants.items()} == wants


def test_much_is_said_in_several_datagrams():
    counts = [Count(number, number, 1, 1) for number in range(1, 10_000)]
    datagrams = encode(1, counts, {Action.FETCH: Wants(1.0, frozenset(range(1, 10_000)))}, KEY)
    assert max(map(len, datagrams)) <= LONGEST
    assert [count for one in datagrams for count in decode(one, KEY).counts] == counts


@given(st.binary(max_size=200))
def test_what_was_not_sealed_with_the_key_is_not_read(data):
    assert decode(data, KEY) is None
    for datagram in encode(0, [Count(1, 2, 3, 4)], {}, b"other"):
        assert decode(datagram, KEY) is None


@given(st.binary(max_size=120), st.integers(0, 255))
def test_no_sealed_nonsense_raises(body, kind):
    import hashlib

    said = b"\0\1" + bytes([kind]) + body
    heard = decode(hashlib.blake2b(said, digest_size=16, key=KEY).digest() + said, KEY)
    assert heard is None or isinstance(heard, Heard)


class Reactor(Clock):
    """Time that stands still until it is told; reads what lies at the readers when asked."""

    def __init__(self):
        super().__init__()
        self.readers = set()

    def addReader(self, reader):
        self.readers.add(reader)

    def removeReader(self, reader):
        self.readers.discard(reader)

    def read(self):
        for reader in list(self.readers):
            reader.doRead()


class Worker:
    def __init__(self, reactor, folder, number, workers, key=KEY):
        self.meters = Meters(600.0, KEY)
        self.gossip = Gossip(reactor, folder, number, workers, key, self.meters)
        self.gossip.open()

    def down(self, now):
        return self.meters.of("fred", "a.example").down(0, now)


@pytest.fixture
def reactor():
    made = Reactor()
    yield made
    for reader in list(made.readers):
        reader.close()


def test_one_limit_for_all_workers(tmp_path, reactor):
    workers = [Worker(reactor, tmp_path, number, 3) for number in range(3)]
    for number, worker in enumerate(workers):
        worker.meters.of("fred", "a.example").down(10 + number, 0.0)
    reactor.advance(0.25)
    reactor.read()
    assert [worker.down(0.3) for worker in workers] == [33, 33, 33]
    reactor.advance(0.25)
    reactor.read()
    assert [worker.down(0.6) for worker in workers] == [33, 33, 33], "nothing is told twice"


def test_only_the_service_may_speak(tmp_path, reactor):
    worker = Worker(reactor, tmp_path, 0, 2)
    assert stat.S_IMODE((tmp_path / "worker-0.sock").stat().st_mode) == 0o600
    stranger = Worker(reactor, tmp_path, 1, 2, b"another key")
    stranger.meters.of("fred", "a.example").down(10**9, 0.0)
    reactor.advance(0.25)
    reactor.read()
    assert worker.down(0.3) == 0


def test_a_worker_that_dies_and_comes_again(tmp_path, reactor):
    one, two = Worker(reactor, tmp_path, 0, 2), Worker(reactor, tmp_path, 1, 2)
    reactor.removeReader(two.gossip)
    two.gossip._every.stop()
    os.close(two.gossip.fileno())  # as a kill does: its name stays
    two.gossip._socket.detach()
    one.meters.of("fred", "a.example").down(5, 0.0)
    reactor.advance(0.25)
    again = Worker(reactor, tmp_path, 1, 2)
    one.meters.of("fred", "a.example").down(7, 0.3)
    reactor.advance(0.25)
    reactor.read()
    assert again.down(0.6) == 7
    again.gossip.close()
    assert [path.name for path in tmp_path.iterdir()] == ["worker-0.sock"]


def test_what_a_busy_worker_did_not_take_is_told_again(tmp_path, reactor):
    one, two = Worker(reactor, tmp_path, 0, 2), Worker(reactor, tmp_path, 1, 2)
    reactor.removeReader(two.gossip)
    many = 20 * COUNTS_EACH
    for start in range(0, many, 900):
        for number in range(start, min(start + 900, many)):
            one.meters.of(f"user{start}", f"{number}.example").down(1, 0.0)
    reactor.advance(0.25)
    assert len(two.meters) == 0
    reactor.addReader(two.gossip)
    for _ in range(20):
        reactor.read()
        reactor.advance(0.25)
    assert len(two.meters) == len(one.meters) == many
    assert all(meter.down(0, 5.0) == 1 for meter in two.meters)


def test_the_line_is_divided(tmp_path, reactor):
    workers = [Worker(reactor, tmp_path, number, 2) for number in range(2)]
    for worker, logins in zip(workers, (["fred"], ["wilma", "barney"]), strict=True):
        line = Line(1e6)
        worker.gossip.lines = {Action.FETCH: line}
        for login in logins:
            line.share(login).wait(lambda: None)
    for _ in range(2):
        reactor.advance(0.25)
        reactor.read()
    parts = [worker.gossip.lines[Action.FETCH].part for worker in workers]
    assert parts == pytest.approx([1 / 3, 2 / 3])
    workers[1].gossip.close()
    reactor.pump([0.25] * 6)
    assert workers[0].gossip.lines[Action.FETCH].part == 1.0, "who is silent is away"


def test_a_worker_alone_opens_nothing(tmp_path, reactor):
    worker = Worker(reactor, tmp_path, 0, 1)
    assert not list(tmp_path.iterdir()) and not reactor.readers and not worker.meters.tells
    worker.gossip.close()


def test_without_its_folder_a_worker_counts_for_itself(tmp_path, reactor, caplog):
    worker = Worker(reactor, tmp_path / "nowhere", 0, 2)
    worker.meters.of("fred", "a.example").down(1, 0.0)
    reactor.advance(1.0)
    assert worker.down(1.0) == 1
    assert "cannot tell each other" in caplog.text
