"""Five hundred people at once, in one worker: all get in, all are served, and idle ones cost little."""

from __future__ import annotations

import contextlib
import io
import resource
from collections.abc import Iterator

import psutil
import pytest

from tests.integration.fileshare.school import FILES_YAML, FRED, FRIDA, GINA, School, answer, said, start_school

_MANY = 500
_SETTINGS = (
    f"{FILES_YAML.replace('connections_per_address: 40', 'connections_per_address: 1000')}"
    f"connections: {_MANY + 10}\nsessions_per_person: {_MANY}\n"
).replace("idle_timeout: 8 s", "idle_timeout: 2 min")


@pytest.fixture(scope="module")
def large_school() -> Iterator[School]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), max(hard, 4096)))
    try:
        with start_school(fileshare=_SETTINGS) as school:
            yield school
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_five_hundred_sessions(large_school: School) -> None:
    people = (FRED, GINA, FRIDA)
    (pid,) = large_school.files.children()
    process = psutil.Process(pid)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(large_school.ftp())
        before = process.memory_info().rss
        clients = [first]
        for number in range(1, _MANY):
            clients.append(stack.enter_context(large_school.ftp(people[number % 3])))
        assert process.memory_info().rss - before < _MANY * 160_000  # half of what vsftpd takes for each
        for client in clients:
            client.putcmd("PWD")
        assert {said(client) for client in clients} == {'257 "/" is the current directory.'}
        for client in clients[::25]:
            assert client.storbinary("STOR /Home/a", io.BytesIO(b"12345")).startswith("226")
        for client in clients:
            client.putcmd("SIZE /Home/a")
        assert {said(client) for client in clients} == {"213 5"}
        for client in clients:
            client.close()
    with large_school.ftp() as client:
        assert answer(client, "NOOP").startswith("200")
