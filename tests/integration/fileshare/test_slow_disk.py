"""A disk that does not answer holds up the worker that waits for it, and nobody else."""

from __future__ import annotations

import ftplib
import io
import os
import select
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.fileshare.school import FILES_YAML, FRED, GINA, PEOPLE, School, start_school
from tests.integration.support_disk import disk
from tests.integration.support_place import AS_ROOT

pytestmark = pytest.mark.skipif(not AS_ROOT, reason="only root can mount")
_CONTENT = os.urandom(100_000)
_ENOUGH = 30  # sessions, until each worker has one


@pytest.fixture(scope="module")
def two_workers() -> Iterator[School]:
    settings = FILES_YAML.replace("workers: 1", "workers: 2").replace("idle_timeout: 8 s", "idle_timeout: 1 min")
    with start_school(fileshare=settings) as school:
        yield school


def test_one_worker_waits_and_the_other_serves(two_workers: School) -> None:
    slow = two_workers.home(FRED) / "slow"
    slow.mkdir()
    with disk(slow) as mounted, ExitStack() as stack:
        os.chown(slow, PEOPLE[FRED].uid, PEOPLE[FRED].uid)
        held_up, served = two_workers.files.children()
        fred = _session(two_workers, stack, FRED, held_up)
        beside_him, elsewhere = (_session(two_workers, stack, GINA, worker) for worker in (held_up, served))
        data = fred.transfercmd("STOR /Home/slow/file")
        data.sendall(_CONTENT)
        with mounted.standing_still():
            data.setblocking(False)
            with suppress(ssl.SSLWantReadError):
                data.unwrap()  # the server's own good bye waits for the disk
            eventually(lambda: _state(held_up) == "D", what="a worker that waits for the disk")
            beside_him.putcmd("NOOP")
            _stores_and_fetches(elsewhere)
            for _ in range(6):
                with two_workers.ftp(GINA) as another:
                    _stores_and_fetches(another)
            with two_workers.ftp(FRED) as again:  # he himself too, as long as he leaves that folder alone
                assert again.nlst("/Home") == ["slow"]
            assert not select.select([beside_him.sock, fred.sock], [], [], 0)[0]
        assert fred.voidresp().startswith("226")
        data.close()
        assert beside_him.voidresp().startswith("200")
        assert (slow / "file").read_bytes() == _CONTENT
    assert two_workers.files.children() == [held_up, served]
    slow.rmdir()


def _session(school: School, stack: ExitStack, login: str, worker: int) -> ftplib.FTP_TLS:
    """A session that this worker serves; chance says which of them takes a connection."""
    for _ in range(_ENOUGH):
        with ExitStack() as here:
            client = here.enter_context(school.ftp(login))
            ports = {one.raddr.port for one in psutil.Process(worker).connections() if one.raddr}
            if client.sock.getsockname()[1] in ports:
                stack.push(here.pop_all())
                return client
    raise AssertionError(f"none of {_ENOUGH} connections is served by this worker")


def _stores_and_fetches(client: ftplib.FTP_TLS) -> None:
    came = io.BytesIO()
    assert client.storbinary("STOR /Home/file", io.BytesIO(_CONTENT)).startswith("226")
    client.retrbinary("RETR /Home/file", came.write)
    assert came.getvalue() == _CONTENT
    client.delete("/Home/file")


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
