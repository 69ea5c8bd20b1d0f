"""What 226 promises: limits, quota, cut connections, kill -9, a stop."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import signal
import socket
import ssl
import struct
import subprocess
from pathlib import Path

import pytest

from appliance.usage.ledger import Usage
from appliance.usage.weight import LEAST
from tests.integration.demo.waiting import eventually
from tests.integration.fileshare.school import FRED, PEOPLE, School, answer, said
from tests.integration.support_parts import LIMIT
from tests.integration.support_place import AS_ROOT


def left(school: School) -> list[str]:
    return sorted(path.name for path in school.home(FRED).iterdir())


def put(client: ftplib.FTP, path: str, size: int, rest: int | None = None, command: str = "STOR") -> str:
    try:
        return client.storbinary(f"{command} {path}", io.BytesIO(bytes(size)), rest=rest)
    except ftplib.Error as reply:
        return str(reply)


def test_the_session_goes_on_after_a_refusal(school: School) -> None:
    with school.ftp() as client:
        for _ in range(3):
            assert put(client, "/Home/over", 5 * LIMIT).startswith("552")
        assert put(client, "/Home/small", 10).startswith("226")
    assert left(school) == ["small"]


def test_what_grows_too_large_is_refused_while_it_comes(school: School) -> None:
    """Nobody has to send the rest to hear of it; who does is not disturbed."""
    with school.ftp() as client:
        data = client.transfercmd("STOR /Home/over")
        data.sendall(bytes(LIMIT + 1))
        assert "552 Die Datei ist zu groß." in said(client)
        assert left(school) == [] and client.nlst("/") == ["Groups", "Home"]
        data.close()
        data = client.transfercmd("STOR /Home/over")
        data.sendall(bytes(LIMIT + 1))
        assert said(client).startswith("552")
        data.sendall(bytes(5 * LIMIT))
        data.unwrap()
        data.close()
        assert client.sendcmd("NOOP").startswith("200") and left(school) == []


@pytest.mark.skipif(not AS_ROOT, reason="as one user all files have one owner, who is no account")
def test_what_grows_beyond_the_quota_is_refused_while_it_comes(school: School) -> None:
    usage = Usage(school.settings.server.runtime / "usage")
    usage.refresh()
    school.publish(fred__mustermann={"quota": usage.of(PEOPLE[FRED].uid) + 300_000})
    with school.ftp() as client:
        eventually(lambda: answer(client, "ALLO 300001").startswith("552"))
        for command, begun in (("STOR /Home/over", 0), ("STOR /Home/a", 100_000), ("APPE /Home/a", 100_000)):
            if begun:
                assert put(client, "/Home/a", begun).startswith("226")
            data = client.transfercmd(command)
            data.sendall(bytes(300_001 if command.startswith("STOR") else 200_001))
            assert "552 Für diese Datei reicht Ihr Speicherplatz nicht mehr." in said(client)
            data.close()
            assert left(school) == (["a"] if begun else [])
        assert (school.home(FRED) / "a").stat().st_size == 100_000


def test_pieces_do_not_get_round_the_limit(school: School) -> None:
    with school.ftp() as client:
        assert put(client, "/Home/a", LIMIT - 10).startswith("226")
        assert put(client, "/Home/a", 11, command="APPE").startswith("552")
        assert put(client, "/Home/a", 11, rest=LIMIT - 10).startswith("552")
        assert put(client, "/Home/a", 10, rest=LIMIT + 5).startswith("55")
        assert (school.home(FRED) / "a").stat().st_size == LIMIT - 10
        assert put(client, "/Home/a", 10, command="APPE").startswith("226")
        assert (school.home(FRED) / "a").stat().st_size == LIMIT


def test_resuming_needs_what_it_resumes(school: School) -> None:
    with school.ftp() as client:
        put(client, "/Home/a", 100)
        assert put(client, "/Home/a", 10, rest=101).startswith("554")
        assert put(client, "/Home/missing", 10, rest=1).startswith("554")
        assert put(client, "/Home/a", 10, rest=95).startswith("226")
        assert (school.home(FRED) / "a").stat().st_size == 105


def test_what_is_announced_too_large_is_refused_at_once(school: School) -> None:
    with school.ftp() as client:
        with pytest.raises(ftplib.error_perm, match="552"):
            client.sendcmd(f"ALLO {LIMIT + 1}")
        client.sendcmd(f"ALLO {LIMIT}")
        client.sendcmd("ALLO many")


def test_the_limit_downwards(school: School) -> None:
    big = school.home(FRED) / "big"
    big.write_bytes(bytes(LIMIT + 1))
    big.chmod(0o644)
    with school.ftp() as client:
        with pytest.raises(ftplib.error_perm, match="550"):
            client.retrbinary("RETR /Home/big", lambda _data: None)
        with pytest.raises(ftplib.error_perm, match="550"):
            client.retrbinary("RETR /Home/big", lambda _data: None, rest=LIMIT)


def test_a_cut_connection_leaves_no_file(school: School) -> None:
    with school.ftp() as client:
        data = client.transfercmd("STOR /Home/cut")
        data.sendall(bytes(100_000))
        raw = socket.socket(fileno=data.detach())  # no close_notify: as a cable that is pulled ends it
        raw.shutdown(socket.SHUT_WR)
        assert said(client).startswith("426")
        raw.close()
        assert client.nlst("/Home") == []


def test_a_reset_connection_leaves_no_file(school: School) -> None:
    with school.ftp() as client:
        data = client.transfercmd("STOR /Home/reset")
        data.sendall(bytes(100_000))
        raw = socket.socket(fileno=data.detach())
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
        assert said(client).startswith("426")
        assert put(client, "/Home/next", 5).startswith("226")
        assert client.nlst("/Home") == ["next"]


def test_an_aborted_upload_leaves_nothing(school: School) -> None:
    with school.ftp() as client:
        put(client, "/Home/a", 7)
        data = client.transfercmd("STOR /Home/a")
        data.sendall(bytes(100_000))
        eventually(lambda: " Total bytes received: 100000" in client.sendcmd("STAT"))
        client.putcmd("ABOR")
        assert said(client).startswith("426")
        assert said(client).startswith("226")
        data.close()
    assert (school.home(FRED) / "a").stat().st_size == 7


def test_a_control_connection_that_ends_takes_its_upload_with_it(school: School) -> None:
    with school.ftp() as client:
        data = client.transfercmd("STOR /Home/half")
        data.sendall(bytes(100_000))
        client.sock.close()
        client.file.close()
        client.sock = client.file = None
        data.close()
    with school.ftp() as again:
        assert again.nlst("/Home") == []


def test_nobody_else_can_take_a_data_connection_without_tls(school: School) -> None:
    with school.ftp() as client:
        _host, port = client.makepasv()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            client.putcmd("STOR /Home/plain")
            assert said(client)[:1] == "1"
            raw.sendall(b"not TLS at all, but long enough to be taken for a record\r\n" * 10)
            assert said(client).startswith("522")
        assert client.nlst("/Home") == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("listener", ["ftp", "ftps"])
def test_an_old_tls_is_refused(school: School, listener: str) -> None:
    """By the server: this client would speak it."""
    context = school.context
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", school.ports[listener]), 20) as raw:
        if listener == "ftp":
            assert raw.recv(1000).startswith(b"220 ")
            raw.sendall(b"AUTH TLS\r\n")
            assert raw.recv(1000).startswith(b"234 ")
        with pytest.raises(ssl.SSLError, match="TLSV1_ALERT_PROTOCOL_VERSION"):
            context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_a_killed_worker_leaves_nothing_and_another_comes(school: School) -> None:
    with school.ftp() as client:
        data = client.transfercmd("STOR /Home/half")
        data.sendall(bytes(100_000))
        eventually(lambda: " Total bytes received: 100000" in client.sendcmd("STAT"))
        for worker in school.files.children():
            os.kill(worker, signal.SIGKILL)
        with pytest.raises((EOFError, OSError)):
            client.getresp()
        data.close()
    assert left(school) == []
    with school.ftp() as again:
        assert put(again, "/Home/after", 5).startswith("226")


def test_a_stop_lets_transfers_end_and_the_next_start_goes_on(school: School) -> None:
    with school.ftp() as client, school.ftp() as idle:
        data = client.transfercmd("STOR /Home/last")
        data.sendall(bytes(100_000))
        assert school.files.process is not None
        school.files.process.send_signal(signal.SIGTERM)
        assert said(idle).startswith("421")
        data.sendall(bytes(100_000))
        data.unwrap()
        data.close()
        assert said(client).startswith("226")
        assert said(client).startswith("421")
        assert school.files.process.wait(20) == 0
    school.files.start()
    assert (school.home(FRED) / "last").stat().st_size == 200_000


def test_many_at_once(school: School) -> None:
    clients = 12
    with school.ftp() as first:
        sockets = []
        with contextlib.ExitStack() as stack:
            for number in range(clients):
                one = stack.enter_context(school.ftp())
                sockets.append((number, one, one.transfercmd(f"STOR /Home/{number}")))
            for number, _one, data in sockets:
                data.sendall(bytes([number]) * 500_000)
            for _number, one, data in sockets:
                data.unwrap()
                data.close()
                assert said(one).startswith("226")
        assert len(first.nlst("/Home")) == clients
    for number in range(clients):
        assert (school.home(FRED) / str(number)).read_bytes() == bytes([number]) * 500_000


@pytest.mark.skipif(not AS_ROOT, reason="as one user all files have one owner, who is no account")
def test_the_ledger_follows_every_change(school: School) -> None:
    usage = Usage(school.settings.server.runtime / "usage")
    uid = PEOPLE[FRED].uid

    def used() -> int:
        usage.refresh()
        return usage.of(uid)

    with school.ftp() as client, school.ftp("frida.lehrer") as frida:
        before = used()
        put(client, "/Home/a", 10_000)
        assert used() == before + 10_000
        put(client, "/Home/a", 9_000)
        assert used() == before + 9_000
        client.rename("/Home/a", "/Groups/klasse3a/a")
        assert used() == before + 9_000
        client.mkd("/Home/folder")
        assert used() == before + 9_000 + LEAST
        client.rmd("/Home/folder")
        put(frida, "/Groups/klasse3a/a", 77)
        assert used() == before
        put(client, "/Groups/klasse3a/b", 10)
        assert used() == before + LEAST
        frida.delete("/Groups/klasse3a/b")
        assert used() == before
        put(client, "/Home/c", LIMIT + 1)
        assert used() == before


@pytest.mark.skipif(not AS_ROOT, reason="as one user all files have one owner, who is no account")
def test_the_quota(school: School) -> None:
    usage = Usage(school.settings.server.runtime / "usage")
    usage.refresh()
    quota = usage.of(PEOPLE[FRED].uid) + 1_000_000
    school.publish(fred__mustermann={"quota": quota})
    with school.ftp() as client:
        eventually(lambda: answer(client, "ALLO 1100000").startswith("552"))
        assert put(client, "/Home/a", 600_000).startswith("226")
        assert put(client, "/Home/b", 600_000).startswith("552")
        assert put(client, "/Home/a", 900_000).startswith("226")  # instead of the former one
        with pytest.raises(ftplib.error_perm, match="552"):
            client.sendcmd("ALLO 200000")
        client.delete("/Home/a")
        assert put(client, "/Home/b", 600_000).startswith("226")
    assert left(school) == ["b"]


def test_a_full_disk_is_said_and_leaves_nothing(school: School, tmp_path: Path) -> None:
    if not AS_ROOT:
        pytest.skip("only root can mount")
    small = school.home(FRED) / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k,mode=777", "tmpfs", str(small)], check=True)
    try:
        with school.ftp() as client:
            assert put(client, "/Home/small/a", 1_000_000).startswith("452")
            assert client.nlst("/Home/small") == []
            assert put(client, "/Home/small/a", 100_000).startswith("226")
            client.delete("/Home/small/a")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_one_transfer_at_a_time(school: School) -> None:
    with school.ftp() as client:
        data = client.transfercmd("STOR /Home/first")
        data.sendall(bytes(1000))
        for command in ("STOR /Home/second", "RETR /Home/first", "NLST /Home", "APPE /Home/first"):
            assert answer(client, command).startswith("450")
        data.unwrap()
        data.close()
        assert said(client).startswith("226")
        assert client.nlst("/Home") == ["first"]


def test_a_transfer_that_nobody_comes_for_is_given_up(school: School) -> None:
    with school.ftp() as client:
        client.makepasv()
        assert answer(client, "STOR /Home/a").startswith("150")
        assert answer(client, "STOR /Home/b").startswith("450")
        assert answer(client, "ABOR").startswith("225")
        assert put(client, "/Home/c", 5).startswith("226")
        client.makepasv()
        assert answer(client, "RETR /Home/c").startswith("150")
        assert client.nlst("/Home") == ["c"]  # over a new connection: the former transfer does not go over it
