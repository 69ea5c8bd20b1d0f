"""The probe of the supervisor with the service, and with others in its place."""

import contextlib
import socket
import threading
from dataclasses import replace
from types import MappingProxyType

import pytest

from appliance.daemon.options_network import Address
from appliance.daemon.secret import Secret
from appliance.supervisor.probe import ProbeFailed, Visitor
from appliance.supervisor.probe_autoconfig import probe_autoconfig
from tests.integration.autoconfig.test_clients import curl
from tests.integration.support_ports import free_port


def visitor(school, *, timeout=10.0, **ports) -> Visitor:
    listen = {**school.settings.network.listen, **{name: Address("127.0.0.1", port) for name, port in ports.items()}}
    network = replace(school.settings.network, listen=MappingProxyType(listen))
    return Visitor(replace(school.settings, network=network), "probe", Secret("x"), timeout, school.ca)


def test_it_is_well(school):
    probe_autoconfig(visitor(school))


@contextlib.contextmanager
def somebody(says: bytes):
    """Answers each connection with ``says`` and closes; with nothing, it stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    with link:
                        link.recv(65536)
                        if not says:
                            link.recv(1)
                        link.sendall(says)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize(
    ("listener", "says", "told", "unit"),
    [
        ("http", b"", "HTTP: no answer in time", "autoconfig"),
        ("https", b"", "HTTPS: no answer in time", "autoconfig"),
        ("http", b"220 mail\r\n", "HTTP: answered something else", "autoconfig"),
        ("http", b"HTTP/1.1 503 Later\r\n\r\n", "HTTP: answered 503", None),
        ("http", OK, "HTTPS: the file is another one", "autoconfig"),
        ("https", OK, "HTTPS: ", "autoconfig"),
    ],
)
def test_what_is_wrong_is_told(school, listener, says, told, unit):
    with somebody(says) as port, pytest.raises(ProbeFailed, match=told) as failed:
        probe_autoconfig(visitor(school, timeout=0.5, **{listener: port}))
    assert failed.value.unit == unit


def test_nobody_is_there(school):
    with pytest.raises(ProbeFailed, match="HTTP: Connection refused"):
        probe_autoconfig(visitor(school, http=free_port()))


def test_it_waits_for_a_reload(school):
    made = visitor(school)
    certificates = replace(made.settings.certificates, names=("post.schule.example",))
    with pytest.raises(ProbeFailed, match="schoolserver reload"):
        probe_autoconfig(replace(made, settings=replace(made.settings, certificates=certificates)))


def test_browsers_get_something_else(school):
    file = curl(school, school.url("http", "/mail/config-v1.1.xml"), "--fail")
    says = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(file) + file
    with somebody(says) as port, pytest.raises(ProbeFailed, match="browsers' script"):
        probe_autoconfig(visitor(school, http=port))
