"""By which ways files come and go: ports and addresses of data connections, and how many connections one may have."""

from __future__ import annotations

import contextlib
import ftplib
import io
import socket
from collections.abc import Iterator

import psutil
import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.fileshare.school import FILES_YAML, School, answer, said, start_school
from tests.integration.fileshare.test_tls import AtOnce
from tests.integration.support_ports import free_port

_MOST = 3


@pytest.fixture(scope="module")
def narrow_school() -> Iterator[School]:
    """A school with one port for files, and few connections for each address."""
    port = free_port()
    few = FILES_YAML.replace("connections_per_address: 40", f"connections_per_address: {_MOST}")
    with start_school(fileshare=f"{few}passive_first: {port}\npassive_last: {port}\n") as school:
        yield school


def ports(school: School) -> tuple[int, int]:
    return school.settings.fileshare.passive_first, school.settings.fileshare.passive_last


def test_files_travel_on_the_ports_agreed_upon(school: School) -> None:
    first, last = ports(school)
    with school.ftp() as client:
        for _ in range(20):
            for command, parse in (("PASV", ftplib.parse227), ("EPSV", lambda text: ftplib.parse229(text, ("", 0)))):
                assert first <= parse(client.sendcmd(command))[1] <= last


def test_on_no_other_port_when_these_are_in_use(narrow_school: School) -> None:
    (port, _) = ports(narrow_school)
    (worker,) = narrow_school.files.children()
    with narrow_school.ftp() as one, narrow_school.ftp() as other:
        other.storbinary("STOR /Home/a", io.BytesIO(b"1"))
        before = psutil.Process(worker).num_fds()
        assert one.makepasv()[1] == port
        for command in ("PASV", "EPSV", "PASV"):
            assert answer(other, command).startswith("425")
        assert answer(other, "RETR /Home/b").startswith("550")
        assert answer(other, "LIST").startswith("425")
        assert one.sendcmd("ABOR").startswith("225")
        assert other.storbinary("STOR /Home/a", io.BytesIO(b"12345")).startswith("226")
        assert one.nlst("/Home") == ["a"]
        other.delete("/Home/a")
        eventually(lambda: psutil.Process(worker).num_fds() == before)


def test_an_address_has_so_many_connections_on_both_ports_together(narrow_school: School) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(narrow_school.ftp())
        first = stack.enter_context(AtOnce(context=narrow_school.context, timeout=20))
        assert first.connect("127.0.0.1", narrow_school.ports["ftps"]).startswith("220")
        last = stack.enter_context(narrow_school.ftp())
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", narrow_school.port), 20) as raw:
                assert raw.recv(1000).startswith(b"421 ")
                assert raw.recv(1000) == b""
        with (
            socket.create_connection(("127.0.0.1", narrow_school.ports["ftps"]), 20) as raw,
            contextlib.suppress(ConnectionError),
        ):
            assert raw.recv(1000) == b""  # nothing in clear there
        elsewhere = socket.create_connection(("127.0.0.1", narrow_school.port), 20, ("127.0.0.2", 0))
        with elsewhere:
            assert elsewhere.recv(1000).startswith(b"220 ")
        last.quit()
        eventually(lambda: _is_greeted(narrow_school))


def _is_greeted(school: School) -> bool:
    with socket.create_connection(("127.0.0.1", school.port), 20) as raw:
        return raw.recv(1000).startswith(b"220 ")


ELSEWHERE = (
    "PORT 127,0,0,1,200,10",
    "PORT 127,0,0,1,0,22",
    "PORT 10,0,0,1,0,22",
    "EPRT |1|127.0.0.1|51210|",
    "EPRT |1|10.0.0.1|25|",
    "EPRT |2|::1|51210|",
    "LPRT 4,4,127,0,0,1,2,200,10",
)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_the_server_connects_to_nobody(school: School, command: str) -> None:
    """FXP and bounce: PORT to the program itself, to others and to what listens on the server is not there."""
    with socket.create_server(("127.0.0.1", 51210)) as listening, school.ftp() as client:
        client.storbinary("STOR /Home/a", io.BytesIO(b"12345"))
        assert answer(client, command).startswith("500")
        assert answer(client, "RETR /Home/a").startswith("425")
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_a_connection_from_elsewhere_gets_and_gives_nothing(school: School) -> None:
    """The other half of FXP: another server connects to the port that awaits the program's file."""
    with school.ftp() as client:
        client.storbinary("STOR /Home/a", io.BytesIO(b"12345"))
        for command in ("RETR /Home/a", "STOR /Home/b"):
            host, port = client.makepasv()
            assert answer(client, command).startswith("150")
            with socket.create_connection((host, port), 20, ("127.0.0.2", 0)) as foreign:
                foreign.sendall(b"x" * 100)
                with contextlib.suppress(ConnectionError):
                    assert foreign.recv(1) == b""
            with (
                socket.create_connection((host, port), 20) as raw,
                client.context.wrap_socket(raw, server_hostname="127.0.0.1") as data,
            ):
                if command.startswith("RETR"):
                    assert data.recv(100) == b"12345"
                data.unwrap()
            assert said(client).startswith("226")
        assert client.size("/Home/b") == 0
