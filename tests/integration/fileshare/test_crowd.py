"""Connections in which nobody signs in keep nobody out."""

import contextlib
import select
import socket
import time
from collections.abc import Iterator

import pytest

from tests.integration.fileshare.school import FILES_YAML, School, said, start_school

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


def test_idle_sessions_end_and_no_command_prolongs_the_time_to_sign_in(full_school: School) -> None:
    """Who has signed in and says something stays; who says nothing, or much but not who he is, does not."""
    began = time.monotonic()
    ended: dict[str, float] = {}
    with full_school.ftp() as talking, full_school.ftp() as silent, stranger(full_school) as one:
        while time.monotonic() < began + _IDLE * 1.6:
            assert talking.pwd() == "/"
            readable, _, _ = select.select(
                [part for name, part in (("silent", silent.sock), ("stranger", one)) if name not in ended], [], [], 0.05
            )
            if silent.sock in readable:
                assert said(silent).startswith("421")
                ended["silent"] = time.monotonic() - began
            if one in readable and not _goes_on(one):
                ended["stranger"] = time.monotonic() - began
        with pytest.raises((EOFError, OSError)):
            silent.sendcmd("NOOP")
    assert sorted(ended) == ["silent", "stranger"]
    assert all(_IDLE * 0.8 < after < _IDLE * 1.5 for after in ended.values()), ended


def _goes_on(one: socket.socket) -> bool:
    """Say something more; whether somebody listens still."""
    try:
        if not one.recv(4096):
            return False
        one.sendall(b"FEAT\r\n")
    except ConnectionError:
        return False
    return True
