"""Binding: what goes wrong is told with unit, address and what to do."""

import os
import socket
import stat
from pathlib import Path
from tempfile import mkdtemp

import pytest

from appliance.supervisor.launcher import sockets
from appliance.supervisor.launcher.unit import LauncherError, TcpListener, UnixListener

OWN = (os.geteuid(), os.getegid())


@pytest.fixture
def folder():
    made = Path(mkdtemp(prefix="ss-", dir="/tmp"))
    yield made
    for path in made.iterdir():
        path.unlink()
    made.rmdir()


def local(path, packets=False):
    return UnixListener("auth", path, "auth", "services", packets=packets)


def test_a_path_too_long_is_named(folder):
    path = folder / ("x" * 100)
    with pytest.raises(LauncherError, match=r"unit auth: the path .* 107; choose a shorter runtime folder"):
        sockets.bind_unix("auth", local(path), OWN)


@pytest.mark.parametrize("packets", [False, True])
def test_a_file_left_behind_is_replaced_and_one_in_use_is_not(folder, packets):
    path = folder / "auth.sock"
    sockets.bind_unix("auth", local(path, packets), OWN).close()
    assert path.is_socket()
    with sockets.bind_unix("auth", local(path, packets), OWN):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with pytest.raises(LauncherError, match="another server uses this runtime folder"):
            sockets.bind_unix("auth", local(path, packets), OWN)


def test_what_is_no_socket_is_not_replaced(folder):
    path = folder / "auth.sock"
    path.write_text("mine")
    with pytest.raises(LauncherError, match="Address already in use"):
        sockets.bind_unix("auth", local(path), OWN)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("host", "advice"),
    [("192.0.2.1", "this machine has no such address"), ("localhost", "this is no IP address"), ("::1", None)],
)
def test_addresses(host, advice):
    listener = TcpListener("imap", host, 0, "network.yaml: listen.imap")
    if advice is None:
        if not socket.has_ipv6:
            pytest.skip("no IPv6")
        sockets.bind_tcp("imap", listener).close()
        return
    with pytest.raises(LauncherError, match=f"{advice}; change network.yaml: listen.imap"):
        sockets.bind_tcp("imap", listener)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use any port")
def test_low_ports_are_for_root():
    with pytest.raises(LauncherError, match="ports below 1024 are for root"):
        sockets.bind_tcp("imap", TcpListener("imap", "127.0.0.1", 143, "network.yaml: listen.imap"))
