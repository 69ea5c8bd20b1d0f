"""For what the probe of mail wants a unit restarted: silence and broken bytes, and not for a service that is busy."""

import contextlib
import socket
import threading
from dataclasses import replace
from types import MappingProxyType

import pytest

from appliance.daemon.options_network import Address
from appliance.daemon.secret import Secret
from appliance.settings.load import load
from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.probe_mail import probe_mail

OPEN = b"220 ready\r\n"


@contextlib.contextmanager
def saying(*lines):
    """Somebody who says the first of ``lines``, one more for each that he hears, and hangs up."""

    def talk():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as heard, contextlib.suppress(OSError):
            for line in lines:
                connection.sendall(line)
                if not heard.readline():
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk)
        thread.start()
        yield Address(*listener.getsockname())
        thread.join(20)
        assert not thread.is_alive()


def failure(tmp_path, submission):
    settings = load(tmp_path)
    listen = MappingProxyType({**settings.network.listen, "submission": submission})
    settings = replace(settings, network=replace(settings.network, listen=listen))
    with pytest.raises(ProbeFailed) as caught:
        probe_mail(Visitor(settings, "schoolserver-probe", Secret("x"), 1.0, tmp_path / "ca.pem"))
    assert not isinstance(caught.value, WrongPassword)
    return caught.value.unit, caught.value.text


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([b"421 4.7.0 There are too many connections\r\n"], "SMTP: answered 421"),
        ([b"554 5.3.2 not now\r\n"], "SMTP: answered 554"),
        ([OPEN, b"421 4.3.2 being restarted\r\n"], "SMTP: answered 421"),
        ([OPEN, b"250-here\r\n250 STARTTLS\r\n", b"454 4.7.0 TLS is not there\r\n"], "SMTP: answered 454"),
    ],
)
def test_who_refuses_in_smtp_is_alive_and_not_restarted(lines, text, tmp_path):
    with saying(*lines) as address:
        assert failure(tmp_path, address) == (None, text)


@pytest.mark.parametrize(
    "lines",
    [
        [b""],
        [b"HTTP/1.1 400 Bad Request\r\n"],
        [b"x" * 9000 + b"\r\n"],
        [OPEN, b""],
        [OPEN, b"250-here\r\n250 STARTTLS\r\n", b"220 go on\r\n", b"no TLS at all\r\n"],
    ],
)
def test_silence_and_broken_bytes_are_the_units(lines, tmp_path):
    with saying(*lines) as address:
        unit, _ = failure(tmp_path, address)
    assert unit == "mail"


def test_a_refused_connect_is_the_units(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address(*listener.getsockname())
    assert failure(tmp_path, address) == ("mail", "SMTP: Connection refused")
