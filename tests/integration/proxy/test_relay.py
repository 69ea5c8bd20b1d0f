"""Tunnels from open to closed: half of them, resets, those who do not read, much at once."""

import contextlib
import hashlib
import random
import select
import socket
import struct
import threading

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.load import descriptors, rss
from tests.integration.proxy.wire import all_recorded, ends_within, open_tunnel, uses

PORTS = ["proxy", "proxy-tls"]
FIVE = random.Random(5).randbytes(5_000_000)


def taken(connection, size=None):
    """Read ``size`` bytes, or until the end; gives their hash and how many there were."""
    found, count = hashlib.sha256(), 0
    while (size is None or count < size) and (piece := connection.recv(1 << 18)):
        found.update(piece)
        count += len(piece)
    return found.hexdigest(), count


def told(data):
    return hashlib.sha256(data).hexdigest(), len(data)


@contextlib.contextmanager
def sending(connection, data, then=lambda: None):
    """``data`` is on its way meanwhile."""

    def send():
        connection.sendall(data)
        then()

    thread = threading.Thread(target=send)
    thread.start()
    yield
    thread.join(15)
    assert not thread.is_alive()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.fixture
def last_use(outside):
    """What is recorded of the one tunnel of a test, once it is."""
    begin = all_recorded(outside)

    def find():
        found = uses(outside, begin)
        assert len(found) == 1
        return tuple(found[0][name] for name in ("outcome", "up", "down"))

    return lambda: eventually(find)


@pytest.mark.parametrize("port", PORTS)
def test_who_has_sent_all_still_gets_the_whole_answer(outside, port, last_use):
    with open_tunnel(outside, port) as (client, origin):
        with sending(client, FIVE):
            assert taken(origin, len(FIVE)) == told(FIVE)
        socket.socket.shutdown(client, socket.SHUT_WR)
        assert origin.recv(1) == b""
        with sending(origin, FIVE, origin.close):
            assert taken(client) == told(FIVE)
    assert last_use() == ("done", len(FIVE), len(FIVE))


@pytest.mark.parametrize("port", PORTS)
def test_a_site_that_has_sent_all_still_gets_the_whole_question(outside, port, last_use):
    with open_tunnel(outside, port) as (client, origin):
        with sending(origin, FIVE, lambda: origin.shutdown(socket.SHUT_WR)):
            assert taken(client) == told(FIVE)
        with sending(client, FIVE, client.close):
            assert taken(origin) == told(FIVE)
    assert last_use() == ("done", len(FIVE), len(FIVE))


@pytest.mark.parametrize("port", PORTS)
def test_a_site_ends_in_the_middle_of_an_upload_and_loses_nothing_of_it(outside, port):
    """The end of one direction comes while the other one is busy."""
    with open_tunnel(outside, port) as (client, origin), sending(client, FIVE * 4):
        origin.recv(1000)
        origin.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        assert taken(origin, len(FIVE) * 4 - 1000)[1] == len(FIVE) * 4 - 1000


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("side", [0, 1])
def test_a_reset_of_one_side_is_one_to_the_other(outside, port, side, last_use):
    with open_tunnel(outside, port) as ends:
        ends[side].sendall(b"x")
        assert ends[1 - side].recv(1) == b"x"
        reset(ends[side])
        ends[1 - side].settimeout(5)
        with pytest.raises(ConnectionResetError):
            while piece := socket.socket.recv(ends[1 - side], 65536):  # Python's TLS tells a reset as an end
                assert len(piece) > 7, "a close_notify would say that this is all"
            pytest.fail("an end in order")
    assert last_use()[0] == "broken-off"


@pytest.mark.parametrize("side", [0, 1])
def test_who_is_gone_after_he_has_sent_all_is_missed(outside, side, last_use):
    """Only the other direction is open then; the bytes for him go nowhere, and nobody may go on sending them."""
    with open_tunnel(outside) as ends:
        gone, other = ends[side], ends[1 - side]
        gone.shutdown(socket.SHUT_WR)
        assert other.recv(1) == b""
        reset(gone)
        other.settimeout(10)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(1000):
                other.sendall(bytes(65536))
    assert last_use()[0] == "broken-off"


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("side", [0, 1])
def test_who_does_not_read_holds_up_the_sender_and_fills_no_memory(outside, port, side):
    """200 MB are offered; what the kernel holds for a connection is bounded, and the worker keeps hardly anything."""
    before = {worker: rss(worker) for worker in outside.proxy.children()}
    with open_tunnel(outside, port) as ends:
        silent, sender = ends[side], ends[1 - side]
        socket.socket.settimeout(sender, 0)
        sent, piece = 0, bytes(1 << 16)
        while sent < 200_000_000 and select.select([], [sender], [], 0.5)[1]:
            with contextlib.suppress(BlockingIOError, OSError):
                sent += sender.send(piece)
        assert 0 < sent < 100_000_000
        assert all(rss(worker) - before[worker] < 4_000_000 for worker in before)
        reset(silent)


@pytest.mark.parametrize("side", [0, 1])
def test_much_arrives_as_it_was_while_the_reader_stops_and_goes(outside, side):
    """64 MB, most of it inside the kernel (splice), in pieces of many sizes."""
    data = random.Random(side).randbytes(64_000_000)
    with open_tunnel(outside) as ends, sending(ends[1 - side], data):
        reader, sizes, found, left = ends[side], random.Random(6), hashlib.sha256(), len(data)
        while left:
            piece = reader.recv(min(left, sizes.choice((1, 100, 5_000, 70_000, 1 << 20))))
            assert piece
            found.update(piece)
            left -= len(piece)
    assert (found.hexdigest(), len(data)) == told(data)


def test_both_directions_at_once_arrive_as_they_were(outside):
    one, other = (random.Random(seed).randbytes(32_000_000) for seed in (1, 2))
    with open_tunnel(outside) as (client, origin), sending(client, one), sending(origin, other):
        found = []
        reading = threading.Thread(target=lambda: found.append(taken(origin, len(one))))
        reading.start()
        assert taken(client, len(other)) == told(other)
        reading.join(15)
    assert found == [told(one)]


def test_more_busy_tunnels_than_there_are_pipes(outside):
    data = random.Random(7).randbytes(3_000_000)
    with contextlib.ExitStack() as stack:
        tunnels = [stack.enter_context(open_tunnel(outside)) for _ in range(120)]
        for _client, origin in tunnels:
            stack.enter_context(sending(origin, data))
        for client, _origin in tunnels:
            client.settimeout(30)
            assert taken(client, len(data)) == told(data)


def test_nothing_is_left_of_tunnels_that_have_ended(outside):
    workers = outside.proxy.children()
    before = sum(map(descriptors, workers))
    for seed in range(40):
        dice = random.Random(seed)
        with open_tunnel(outside, dice.choice(PORTS)) as ends:
            for _ in range(dice.randrange(4)):
                one = dice.choice(ends)
                one.sendall(bytes(dice.choice((1, 70_000))))
            end = dice.choice((reset, lambda one: one.close(), lambda one: socket.socket.shutdown(one, 1)))
            end(dice.choice(ends))
    eventually(lambda: sum(map(descriptors, workers)) <= before)


def test_a_tunnel_lasts_while_the_settings_are_read_again(outside):
    with open_tunnel(outside) as (client, origin), open_tunnel(outside, "proxy-tls") as (client2, origin2):
        before = outside.log.read_text().count("settings read again")
        outside.proxy.process.send_signal(1)
        eventually(lambda: outside.log.read_text().count("settings read again") > before)
        for one, other in ((client, origin), (origin2, client2)):
            one.sendall(b"still there")
            assert other.recv(100) == b"still there"
        assert not ends_within(client, 0.3)
