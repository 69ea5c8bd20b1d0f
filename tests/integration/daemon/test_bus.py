"""Questions over a real D-Bus daemon, and over sockets that do not answer like one."""

import shutil
import socket
import subprocess
import threading
import time

import pytest

from appliance.daemon.bus import Bus, BusRefused, BusUnreachable, Call

DAEMON = shutil.which("dbus-daemon")
BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>
"""


@pytest.fixture
def bus(short):
    if DAEMON is None:
        pytest.skip("no dbus-daemon on this machine")
    path = short / "bus"
    short.joinpath("bus.conf").write_text(CONFIG.format(path=path))
    argv = [DAEMON, f"--config-file={short}/bus.conf", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout.readline().startswith("unix:path=")
        yield path
        daemon.terminate()


def test_answers_come_in_the_order_of_the_questions(bus):
    with Bus(10.0, bus) as connection:
        calls = [Call(*BUS, "NameHasOwner", "s", (name,)) for name in ("org.freedesktop.DBus", "none.such")] * 60
        assert connection.ask(calls) == [(True,), (False,)] * 60
        ((names,),) = connection.ask([Call(*BUS, "ListNames")])
        assert "org.freedesktop.DBus" in names
        assert connection.ask([]) == []


def test_an_error_of_the_service_is_told_as_one(bus):
    with Bus(10.0, bus) as connection:
        with pytest.raises(BusRefused) as caught:
            connection.ask([Call(*BUS, "GetNameOwner", "s", ("none.such",))])
        assert caught.value.name == "org.freedesktop.DBus.Error.NameHasNoOwner"
        assert "none.such" in str(caught.value)
        assert connection.ask([Call(*BUS, "NameHasOwner", "s", ("none.such",))]) == [(False,)]


def test_nobody_there(short):
    with pytest.raises(BusUnreachable, match="No such file"):
        Bus(1.0, short / "none")


def silent_server(path, greet):
    """Takes one connection, says ``greet`` to its first words, and then nothing until it is closed."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)

    def serve():
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(greet)
            while connection.recv(4096):
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    return server, thread


@pytest.mark.parametrize(
    "greet", [b"", b"OK 0123456789abcdef0123456789abcdef\r\n"], ids=["at once", "after the greeting"]
)
def test_who_is_silent_is_given_up_in_time(short, greet):
    server, thread = silent_server(short / "bus", greet)
    with server:
        began = time.monotonic()
        with pytest.raises(BusUnreachable):
            Bus(0.3, short / "bus")
        assert time.monotonic() - began < 3.0
        thread.join(10)
    assert not thread.is_alive()
