"""Connections in which nobody signs in keep nobody out."""

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from tests.integration.fileshare.school import FILES_YAML, School, start_school

_MOST = 4  # connections in all
_IDLE = 5


@pytest.fixture(scope="module")
def full_school() -> Iterator[School]:
    settings = FILES_YAML.replace("idle_timeout: 8 s", f"idle_timeout: {_IDLE} s")
    with start_school(fileshare=f"{settings}connections: {_MOST}\n") as school:
        yield school


def stranger(school: School) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", school.port), 10)
    assert one.recv(1000).startswith(b"220 ")
    one.sendall(b"NOOP\r\n")
    return one


def test_strangers_give_way_to_others_and_who_signed_in_stays(full_school: School) -> None:
    with contextlib.ExitStack() as stack:
        signed_in = stack.enter_context(full_school.ftp())
        strangers = [stack.enter_context(stranger(full_school)) for _ in range(3 * _MOST + 8)]
        assert b"421 " in b"".join(iter(lambda: strangers[0].recv(1000), b""))
        with full_school.ftp() as another:
            assert another.pwd() == "/"
        assert signed_in.pwd() == "/"


def test_no_command_prolongs_the_time_to_sign_in(full_school: School) -> None:
    began = time.monotonic()
    with stranger(full_school) as one:
        one.settimeout(3 * _IDLE)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < began + 3 * _IDLE and one.recv(4096):
                one.sendall(b"FEAT\r\n")
    assert _IDLE * 0.8 < time.monotonic() - began < 2 * _IDLE


def test_who_has_signed_in_has_time(full_school: School) -> None:
    began = time.monotonic()
    with full_school.ftp() as client:
        while time.monotonic() < began + _IDLE * 1.5:
            assert client.pwd() == "/"
