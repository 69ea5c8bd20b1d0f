"""Signing in, refusals, and how the policy reaches open sessions."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import signal
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.daemon.identities import Identities
from appliance.daemon.secret import Secret
from appliance.policy.account import Lock
from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.probe_files import probe_files
from tests.integration.fileshare.school import FRED, FRIDA, PROBE, School, answer, said
from tests.integration.support_parts import LIMIT, PASSWORD
from tests.integration.support_place import AS_ROOT

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("command", [f"USER {FRED}", f"PASS {PASSWORD}", "PBSZ 0", "PROT P"])
def test_nothing_is_taken_in_clear_text(school: School, command: str) -> None:
    with ftplib.FTP(timeout=20) as client:
        client.connect("127.0.0.1", school.port)
        assert answer(client, command).startswith("530")
        assert answer(client, "PWD").startswith("530")


def test_what_follows_AUTH_in_clear_text_is_not_taken_for_encrypted(school: School) -> None:
    with socket.create_connection(("127.0.0.1", school.port), timeout=20) as raw:
        raw.recv(4096)
        raw.sendall(b"AUTH TLS\r\nUSER fred.mustermann\r\n")
        assert b"234" not in raw.recv(4096)


def test_files_do_not_travel_in_clear_text(school: School) -> None:
    with school.ftp(protect=False) as client:
        assert answer(client, "PASV").startswith("521")
        assert answer(client, "EPSV").startswith("521")
        assert answer(client, "PROT C").startswith("536")
        assert answer(client, "PORT 127,0,0,1,4,5").startswith("500")
        assert answer(client, "EPRT |1|127.0.0.1|1029|").startswith("500")


@pytest.mark.parametrize("command", ["SITE CHMOD 777 /Home", "SITE HELP", "STOU", "REIN", "CCC", "AUTH GSSAPI"])
def test_commands_that_are_not_there(school: School, command: str) -> None:
    with school.ftp() as client:
        assert answer(client, command)[:1] == "5"
        assert client.pwd() == "/"


def test_a_wrong_password(school: School) -> None:
    with school.ftp(None) as client:
        client.auth()
        for _ in range(2):
            client.sendcmd(f"USER {FRED}")
            assert answer(client, "PASS wrong").startswith("530")
        assert answer(client, "PASS again").startswith("503")
        client.sendcmd(f"USER {FRED}")
        assert answer(client, "PASS wrong").startswith("530")
        assert said(client).startswith("421")


def test_commands_sent_before_the_sign_in_is_checked_wait_for_it(school: School) -> None:
    with school.ftp(None) as client:
        client.auth()
        client.sock.sendall(f"USER {FRED}\r\nPASS {PASSWORD}\r\nPWD\r\nNOOP\r\n".encode())
        assert [said(client)[:3] for _ in range(4)] == ["331", "230", "257", "200"]


def test_others_are_served_while_a_sign_in_waits(school: School) -> None:
    with school.ftp() as other, school.ftp(None) as client:
        client.auth()
        client.sendcmd(f"USER {FRED}")
        assert school.auth.process is not None
        for each in [school.auth.process.pid, *school.auth.children()]:
            os.kill(each, signal.SIGSTOP)
        try:
            client.putcmd(f"PASS {PASSWORD}")
            began = time.monotonic()
            assert other.nlst("/") == ["Groups", "Home"]
            assert time.monotonic() - began < 2
        finally:
            for each in [school.auth.process.pid, *school.auth.children()]:
                os.kill(each, signal.SIGCONT)
        assert client.getresp().startswith("230")


def test_without_the_password_service_it_is_try_later(school: School) -> None:
    school.auth.stop()
    try:
        listener = school.settings.server.runtime / "auth" / "auth.sock"
        listener.rename(listener.with_suffix(".away"))
        with pytest.raises(ftplib.error_temp, match="421"), school.ftp():
            pass
    finally:
        listener.with_suffix(".away").rename(listener)
        school.auth.start()
    with school.ftp() as client:
        assert client.pwd() == "/"


def test_who_is_not_there_any_more_does_not_get_in_and_is_ended(school: School) -> None:
    """For the rest of what ends a session or lets nobody in see the suite of all services."""
    with school.ftp() as client:
        school.publish(fred__mustermann={"disabled": True})
        client.sock.settimeout(2)
        assert said(client).startswith("421")
    with pytest.raises(ftplib.error_perm, match="530"), school.ftp():
        pass


def test_a_lock_ends_a_running_transfer_and_leaves_nothing(school: School) -> None:
    with school.ftp() as client:
        data = client.transfercmd("STOR /Home/half")
        data.sendall(bytes(100_000))
        school.publish(fred__mustermann={"locks": (Lock(None, SINCE, None),)})
        assert said(client).startswith("421")
        data.close()
    assert list(school.home(FRED).iterdir()) == []


def test_a_lock_reaches_one_who_does_not_read(school: School) -> None:
    """Nothing of what the client holds back keeps its session open."""
    big = school.home(FRIDA) / "big"
    big.write_bytes(bytes(20 * LIMIT))
    big.chmod(0o644)
    with school.ftp(FRIDA) as client:
        data = client.transfercmd("RETR /Home/big")
        school.publish(frida__lehrer={"locks": (Lock(None, SINCE, None),)})
        assert said(client)[:3] in ("421", "426")
        got = 0
        with contextlib.suppress(OSError):
            while piece := data.recv(65536):
                got += len(piece)
        data.close()
        assert got < 20 * LIMIT


def test_the_log_of_the_service_names_nobody(school: School) -> None:
    with school.ftp() as client:
        client.storbinary("STOR /Home/Liebesbrief.txt", io.BytesIO(b"x"))
        answer(client, "CWD /Home/nirgends")
    text = school.log.read_text()
    for word in (FRED, "Liebesbrief", "nirgends", "127.0.0.1", PASSWORD):
        assert word not in text


def test_the_probe_gets_through(school: School) -> None:
    visitor = Visitor(school.settings, PROBE, Secret(PASSWORD), 10.0, school.ca)
    probe_files(visitor)
    assert list(school.home(PROBE).iterdir()) == []
    with pytest.raises(WrongPassword):
        probe_files(Visitor(school.settings, PROBE, Secret("wrong"), 10.0, school.ca))
    school.home(PROBE).rename(school.home(PROBE).with_name("away"))
    try:
        with pytest.raises(ProbeFailed, match="550"):
            probe_files(visitor)
    finally:
        school.home(PROBE).with_name("away").rename(school.home(PROBE))


@pytest.mark.skipif(not AS_ROOT, reason="only root can give up what only root has")
def test_the_workers_keep_of_root_only_the_changing_of_ids(school: School) -> None:
    for worker in school.files.children():
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{worker}/status").read_text().splitlines())
        assert int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0b11000000  # CAP_SETGID, CAP_SETUID
        assert int(status["CapEff"], 16) == 0
        assert status["Uid"].split()[1] == str(Identities(school.settings.server).of("fileshare").uid)
        assert status["NoNewPrivs"] == status["Threads"] == "1"
