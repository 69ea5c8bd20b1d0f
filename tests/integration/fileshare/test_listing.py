"""Folders of any size, and nobody waits for somebody else's listing, nor pays for his slowness."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import socket
import threading
import time

import psutil
import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.fileshare.school import FRED, FRIDA, School, answer, said
from tests.integration.support_parts import LIMIT

_MANY = 100_000


def fill(school: School, count: int) -> None:
    folder = school.home(FRED) / "many"
    folder.mkdir()
    owner = school.home(FRED).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    for number in range(count):
        os.close(os.open(folder / f"file {number:06}", os.O_CREAT, 0o644))


def worker(school: School) -> psutil.Process:
    (found,) = school.files.children()
    return psutil.Process(found)


def take(client: ftplib.FTP, command: str) -> int:
    lines = []
    client.retrlines(command, lambda line: lines.append(line[-11:]))
    assert len(set(lines)) == len(lines)
    return len(lines)


def test_many_files_are_listed_and_others_served_meanwhile(school: School) -> None:
    fill(school, _MANY)
    waited: list[float] = []
    over = threading.Event()
    with school.ftp() as client, school.ftp(FRIDA) as other:

        def ask() -> None:
            while not over.is_set():
                began = time.monotonic()
                other.sendcmd("MLST /Home")
                waited.append(time.monotonic() - began)

        thread = threading.Thread(target=ask)
        client.cwd("/Home/many")
        thread.start()
        try:
            assert take(client, "MLSD") == _MANY
        finally:
            over.set()
            thread.join()
    # A slice takes a few milliseconds; all of them together, which is what others waited for once, over a second.
    assert len(waited) > 50 and sorted(waited)[-3] < 0.25, sorted(waited)[-5:]


@pytest.mark.parametrize("command", ["MLSD /Home/many", "RETR /Home/large"])
def test_who_reads_slowly_costs_little(school: School, command: str) -> None:
    if command.startswith("MLSD"):
        fill(school, 20_000)
    else:
        with school.ftp() as client:
            client.storbinary("STOR /Home/large", io.BytesIO(bytes(LIMIT)))
    process = worker(school)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(school.ftp()) for _ in range(8)]
        before, descriptors = process.memory_info().rss, process.num_fds()
        for client in clients:
            client.putcmd("PASV")
            _host, port = ftplib.parse227(client.getresp())
            slow = stack.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", port))
            client.putcmd(command)
            assert said(client)[:1] == "1"
            stack.enter_context(client.context.wrap_socket(slow, server_hostname="127.0.0.1"))
        assert clients[0].sendcmd("NOOP").startswith("200")
        assert process.num_fds() - descriptors <= 4 * len(clients)
        assert process.memory_info().rss - before < len(clients) * 1_500_000
        for client in clients:
            client.close()  # one that says QUIT would wait for its listing
    eventually(lambda: process.num_fds() <= descriptors)


def test_who_does_not_read_replies_is_not_read_from(school: School) -> None:
    process = worker(school)
    with school.ftp() as client:
        before = process.memory_info().rss
        client.sock.settimeout(1.0)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 30_000_000:
                client.sock.sendall(b"HELP\r\n" * 1000)
                sent += 6000
        assert sent < 30_000_000
        assert process.memory_info().rss - before < 5_000_000
        with school.ftp(FRIDA) as other:
            assert other.pwd() == "/"


def test_a_listing_that_nobody_fetches_is_given_back(school: School) -> None:
    fill(school, 2_000)
    process = worker(school)
    with school.ftp() as client:
        before = process.num_fds()
        for _ in range(3):
            client.makepasv()
            assert answer(client, "MLSD /Home/many").startswith("150")
            assert answer(client, "ABOR").startswith("225")
        data = client.transfercmd("LIST /Home/many")
        data.close()
        assert said(client)[:1] in "24"
        eventually(lambda: process.num_fds() <= before)
        assert take(client, "NLST /Home/many") == 2_000


@pytest.mark.parametrize("command", ["STAT /Home", "STAT /", "STAT"])
def test_whole_folders_do_not_travel_on_the_control_connection(school: School, command: str) -> None:
    with school.ftp() as client:
        assert answer(client, command).startswith("504" if command != "STAT" else "211")


def test_one_file_is_listed_alone(school: School) -> None:
    with school.ftp() as client:
        client.storbinary("STOR /Home/a b", io.BytesIO(b"12345"))
        lines: list[str] = []
        client.retrlines("LIST /Home/a b", lines.append)
        client.retrlines("NLST /Home/a b", lines.append)
        assert lines[0].endswith(" a b") and " 5 " in lines[0] and lines[1:] == ["a b"]
        assert client.sendcmd("STAT /Home/a b").count("a b") == 2
        assert answer(client, "MLSD /Home/a b").startswith("501")
        assert answer(client, "LIST /Home/missing").startswith("550")
