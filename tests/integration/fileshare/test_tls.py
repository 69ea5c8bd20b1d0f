"""TLS from the beginning, and the TLS session of the control connection on those of files."""

from __future__ import annotations

import contextlib
import ftplib
import io
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.fileshare.school import FILES_YAML, FRED, FRIDA, School, answer, said, start_school
from tests.integration.support_parts import PASSWORD

_STRICT = f"{FILES_YAML}session_reuse: required\nsessions_per_person: 3\npassive_address: 203.0.113.7\n"


@pytest.fixture(scope="module")
def strict_school() -> Iterator[School]:
    with start_school(fileshare=_STRICT, network="networks: [10.9.0.0/16]\n") as school:
        yield school


class AtOnce(ftplib.FTP_TLS):
    """What programs call FTPS: TLS before the greeting."""

    def connect(self, host: str, port: int) -> str:  # type: ignore[override]
        self.host = host
        self.sock = self.context.wrap_socket(socket.create_connection((host, port), 20), server_hostname=host)
        self.af = self.sock.family
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


class Resuming(ftplib.FTP_TLS):
    """A program that goes on with its TLS session where it fetches and stores; ``new`` begins others."""

    new = False

    def ntransfercmd(self, cmd: str, rest: object = None) -> tuple[socket.socket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # type: ignore[arg-type]
        session = None if self.new else self.sock.session  # type: ignore[union-attr]
        return self.context.wrap_socket(data, server_hostname=self.host, session=session), size


def resuming(school: School, login: str = FRED, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Resuming:
    context = school.context
    context.maximum_version = version
    client = Resuming(context=context, timeout=20)
    client.connect("127.0.0.1", school.port)
    client.login(login, PASSWORD)
    client.prot_p()
    return client


def test_tls_from_the_beginning(school: School) -> None:
    with AtOnce(context=school.context, timeout=20) as client:
        assert client.connect("127.0.0.1", school.ports["ftps"]).startswith("220")
        assert answer(client, "AUTH TLS").startswith("503")
        ftplib.FTP.login(client, FRED, PASSWORD)
        # Without PBSZ and PROT files are encrypted too.
        data = client.context.wrap_socket(
            ftplib.FTP.ntransfercmd(client, "STOR /Home/a")[0], server_hostname="127.0.0.1"
        )
        data.sendall(b"12345")
        data.unwrap()
        data.close()
        assert said(client).startswith("226")
        client.prot_p()
        assert client.nlst("/Home") == ["a"]


def test_nothing_is_said_in_clear_there(school: School) -> None:
    with socket.create_connection(("127.0.0.1", school.ports["ftps"]), 20) as raw:
        raw.sendall(b"USER fred\r\n")
        with contextlib.suppress(ConnectionError):
            assert not raw.recv(100).startswith(b"2")


def test_curl_and_lftp_begin_with_tls(school: School, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    url = f"ftps://127.0.0.1:{school.ports['ftps']}"
    school.curl("-T", f"{tmp_path}/a", f"{url}/Home/a")
    assert school.curl(f"{url}/Home/a").stdout == "12345"
    assert "/Home/a" in school.lftp(url, "cls /Home").split()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_files_go_on_with_the_session(school: School, version: ssl.TLSVersion) -> None:
    with resuming(school, version=version) as client:
        for _ in range(3):
            data = client.transfercmd("NLST /Home")
            assert isinstance(data, ssl.SSLSocket) and data.session_reused
            data.recv(10)
            data.close()
            assert said(client).startswith("226")


def test_one_session_ticket_is_given_and_no_more(school: School) -> None:
    argv = ["openssl", "s_client", "-tls1_3", "-msg", "-CAfile", str(school.ca), "-connect"]
    argv += [f"127.0.0.1:{school.ports['ftps']}"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        assert client.stdin is not None and client.stdout is not None
        heard = b""
        for line in client.stdout:
            heard += line
            if line.startswith(b"220 "):  # it comes behind the tickets
                break
        client.stdin.close()
    assert heard.count(b"NewSessionTicket") == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_where_it_is_required_no_other_session_gets_a_file(strict_school: School, version: ssl.TLSVersion) -> None:
    with resuming(strict_school, version=version) as client:
        client.storbinary("STOR /Home/a", io.BytesIO(b"12345"))
        client.new = True
        for command in ("RETR /Home/a", "NLST /Home", "STOR /Home/b"):
            data = client.transfercmd(command)
            assert said(client).startswith("522")
            with contextlib.suppress(OSError):
                assert data.recv(10) == b""
            data.close()
        client.new = False
        assert client.nlst("/Home") == ["a"]
        client.delete("/Home/a")


def test_curl_and_lftp_manage_where_it_is_required(strict_school: School, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(200_000))
    url = f"ftp://127.0.0.1:{strict_school.port}"
    strict_school.curl("--ssl-reqd", "-T", f"{tmp_path}/a", f"{url}/Home/a")
    assert "/Home/a" in strict_school.lftp(url, f"get /Home/a -o {tmp_path}/b; cls /Home; rm /Home/a").split()
    assert (tmp_path / "b").read_bytes() == bytes(200_000)


def test_nobody_is_signed_in_any_number_of_times(strict_school: School) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            last = stack.enter_context(resuming(strict_school))
        with pytest.raises(ftplib.error_temp, match="421"):
            resuming(strict_school)
        assert last.pwd() == "/"
        stack.enter_context(resuming(strict_school, FRIDA))
        last.quit()
        stack.enter_context(resuming(strict_school))


def test_programs_outside_are_sent_to_the_router(strict_school: School, school: School) -> None:
    with resuming(strict_school) as client:
        assert "(203,0,113,7," in client.sendcmd("PASV")
        assert client.sendcmd("EPSV").startswith("229")
    with resuming(school) as client:
        assert "(127,0,0,1," in client.sendcmd("PASV")
