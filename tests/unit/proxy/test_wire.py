"""What is left of a connection that has ended."""

import contextlib
import gc
import socket
import ssl
import weakref

import pytest

from appliance.daemon.authority import ensure_authority, issue
from appliance.proxy.accept import Certificate
from appliance.proxy.poll import Poller
from appliance.proxy.wire import TlsWire, Wire
from tests.unit.proxy.test_poll import Reactor


class Owner:
    """Reads all, and keeps its wire as everybody does."""

    def __init__(self):
        self.wire, self.got = None, b""

    def readable(self, wire):
        with contextlib.suppress(OSError):
            while data := wire.read():
                self.got += data

    def drained(self, wire):
        """Nothing waits."""

    def broke(self):
        raise AssertionError


@pytest.fixture
def poller():
    one = Poller(Reactor())
    yield one
    one.stop()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    issue(ensure_authority(folder, "schule.example"), folder / "tls", ["localhost"], None)
    return folder


@contextlib.contextmanager
def ends(poller, place, encrypted):
    """An owner, whom only the wire and the test know, and the client's end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), 5)
        connection, _ = listener.accept()
    connection.setblocking(False)
    owners = [Owner()]
    if encrypted:
        owners[0].wire = TlsWire(poller, Certificate(place / "tls").wrap(connection), owners[0])
        client = _shaken(poller, owners[0].wire, client, place)
    else:
        owners[0].wire = Wire(poller, connection.detach(), owners[0])
        poller.watch(owners[0].wire.descriptor, owners[0].wire)
    with client:
        yield owners, client


def _shaken(poller, wire, client, place):
    poller.watch(wire.descriptor, wire)
    context = ssl.create_default_context(cafile=str(place / "ca.pem"))
    client.setblocking(False)
    made = context.wrap_socket(client, server_hostname="localhost", do_handshake_on_connect=False)
    for _ in range(100):
        poller.doRead()
        with contextlib.suppress(ssl.SSLWantReadError):
            made.do_handshake()
            poller.doRead()
            made.setblocking(True)
            made.settimeout(5)
            return made
    raise AssertionError("no handshake")


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("end", ["close", "reset", "end"])
def test_nothing_has_to_be_found_by_walking_through_all_objects(poller, place, encrypted, end):
    gc.collect()
    gc.disable()
    try:
        with ends(poller, place, encrypted) as (owners, client):
            client.sendall(b"x")
            poller.doRead()
            assert owners[0].got == b"x"
            getattr(owners[0].wire, end)()
            watching = weakref.ref(owners.pop())
            assert watching() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("encrypted", [False, True])
def test_nothing_is_read_from_or_written_to_who_gets_the_number_anew(poller, place, encrypted):
    with ends(poller, place, encrypted) as (owners, _client):
        wire = owners[0].wire
        number = wire.descriptor
        wire.close()
        near, far = socket.socketpair()
        with near, far:
            assert number in (near.fileno(), far.fileno())
            for one, other in ((near, far), (far, near)):
                one.setblocking(False)
                other.send(b"another's")
            wire.write(b"late")
            wire.finish()
            with contextlib.suppress(OSError):
                assert wire.read() is None
            assert near.recv(100) == far.recv(100) == b"another's"
            wire.close()
            near.send(b"y")
            assert far.recv(100) == b"y"
