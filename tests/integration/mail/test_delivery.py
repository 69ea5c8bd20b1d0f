"""What 250 promises: kill -9, a full disk, a stop, other people's mail programs, and clients that do not wait."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.daemon.request_client import BlockingClient
from tests.integration.demo.waiting import eventually
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD

FRED, FRIDA, GINA = (f"{name}@schule.example" for name in ("fred.mustermann", "frida.lehrer", "gina.musterfrau"))
MESSAGE = f"From: {FRED}\r\nTo: {FRIDA}\r\nSubject: x\r\n\r\n".encode()


def connect(school: School) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=20)
    client.starttls(context=school.context)
    client.login("fred.mustermann", PASSWORD)
    return client


def test_a_full_mailbox_takes_no_more(school: School) -> None:
    """What was stored counts at once, also after the writer was killed."""
    quota = {"uid": 20_007, "quota": 5_000}
    school.publish(gina__musterfrau=quota, frida__lehrer={"uid": 20_008, "quota": 5_000})
    client = connect(school)

    def full() -> bool:
        client.rset()
        client.mail(FRED, ["SIZE=1500000"])
        return client.rcpt(GINA)[0] == 552

    eventually(full)
    client.rset()
    client.sendmail(FRED, [GINA], MESSAGE + b"x" * 70 + b"\r\n" * 1_500)
    for worker in school.mail.children():
        os.kill(worker, signal.SIGKILL)
    with connect(school) as client:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail(FRED, [GINA], MESSAGE + b"\r\n" * 1_500)
        assert caught.value.smtp_code == 452
        assert caught.value.smtp_error.startswith(b"4.2.2 ")
        client.sendmail(FRED, [FRIDA], MESSAGE + b"\r\n" * 1_500)


def test_after_250_the_message_is_there_whatever_happens(school: School) -> None:
    """A worker is killed in the very moment of its reply, again and again; nobody is refused a connection meanwhile."""
    accepted = []
    for number in range(5):
        client = connect(school)
        client.sendmail(FRED, [FRIDA, GINA], MESSAGE + f"number {number}\r\n".encode())
        for worker in school.mail.children():
            os.kill(worker, signal.SIGKILL)
        client.close()
        accepted.append(f"number {number}\r\n".encode())
    for login in ("frida.lehrer", "gina.musterfrau"):
        stored = b"".join(path.read_bytes() for path in school.boxes(login))
        assert all(body in stored for body in accepted)


def test_a_killed_service_leaves_whole_messages_only(school: School) -> None:
    before = set(school.boxes("frida.lehrer"))
    body = b"y" * 70 + b"\r\n"

    def send() -> None:
        try:
            with connect(school) as client:
                for _ in range(50):
                    client.sendmail(FRED, [FRIDA], MESSAGE + body * 1000 + b"end\r\n")
        except (smtplib.SMTPException, OSError):
            return

    sender = threading.Thread(target=send)
    sender.start()
    eventually(lambda: len(set(school.boxes("frida.lehrer")) - before) >= 3)
    for worker in school.mail.children():
        os.kill(worker, signal.SIGKILL)
    sender.join(30)
    for path in set(school.boxes("frida.lehrer")) - before:
        data = path.read_bytes()
        assert data.endswith(b"end\r\n")
        assert path.name.endswith(f",S={len(data)},W={len(data)}")


@contextmanager
def small_disk(school: School, folder: Path, kib: int) -> Iterator[None]:
    """Mount a disk of its own on a folder of mail, over what is there."""
    owner = (school.data / "mail").stat()
    if not folder.exists():
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.st_uid, owner.st_gid)
    options = f"size={kib}k,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, check=False
    )
    try:
        if mounted.returncode != 0:
            pytest.skip("a disk can be mounted by root only")
        yield
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("size", [300_000, 1_800_000])
def test_a_full_disk_is_a_temporary_failure_and_leaves_nothing(school: School, size: int) -> None:
    place = school.data / "mail"
    with small_disk(school, place, 256), connect(school) as client:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail(FRED, ["ada.admin@schule.example"], MESSAGE + (b"x" * 70 + b"\r\n") * (size // 72))
        assert caught.value.smtp_code == 452
        assert caught.value.smtp_error.startswith(b"4.3.1 ")
        assert [path for path in place.rglob("*") if path.is_file()] == []
        client.sendmail(FRED, ["ada.admin@schule.example"], MESSAGE + b"a small one\r\n")
        assert len(school.boxes("ada.admin")) == 1


def test_a_disk_that_fails_for_one_recipient_leaves_nothing_with_the_others(school: School) -> None:
    """The boxes lie on two disks, so that one file cannot be in both: 451, and in neither."""
    before = school.boxes("frida.lehrer")
    box = school.data / "mail" / "ada.admin"
    with small_disk(school, box, 256), connect(school) as client:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail(FRED, [FRIDA, "ada.admin@schule.example"], MESSAGE + b"x\r\n")
        assert caught.value.smtp_code == 451
        assert school.boxes("ada.admin") == []
    assert school.boxes("frida.lehrer") == before
    assert "ada.admin" not in school.log.read_text()


def test_a_stop_waits_for_what_is_being_stored_and_tells_the_others(school: School) -> None:
    with connect(school) as idle:
        assert school.mail.stop() == 0
        code, text = idle.getreply()
        assert (code, text[:6]) == (421, b"4.3.2 ")
        waiting = socket.create_connection(("127.0.0.1", school.ports["submission"]), 20)
        school.mail.start()
        with waiting:
            assert waiting.recv(200).startswith(b"220 "), "who came during the restart was not refused"


def test_a_reload_keeps_open_sessions(school: School) -> None:
    with connect(school) as client:
        assert school.mail.process is not None
        school.mail.process.send_signal(signal.SIGHUP)
        client.sendmail(FRED, [FRIDA], MESSAGE + b"after the reload\r\n")
    with connect(school) as client:
        assert client.noop()[0] == 250


def test_a_slow_client_holds_up_nobody(school: School) -> None:
    """Ten clients begin a message and say no more; another one goes on all the same."""
    lines = []
    try:
        for _ in range(10):
            client = connect(school)
            client.mail(FRED)
            client.rcpt(FRIDA)
            client.docmd("DATA")
            client.sock.sendall(MESSAGE)
            lines.append(client)
        with connect(school) as client:
            client.timeout = 2
            client.sendmail(FRED, [GINA], MESSAGE + b"on time\r\n")
    finally:
        for client in lines:
            client.close()


def test_many_at_once(school: School) -> None:
    before = set(school.boxes("frida.lehrer"))

    def send(number: int) -> None:
        with connect(school) as client:
            for turn in range(5):
                client.sendmail(FRED, [FRIDA, GINA], MESSAGE + f"{number} {turn}\r\n".encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    bodies = {path.read_bytes().split(b"\r\n\r\n", 1)[1] for path in set(school.boxes("frida.lehrer")) - before}
    assert bodies == {f"{number} {turn}\r\n".encode() for number in range(8) for turn in range(5)}


def test_a_refusals_code_leads_to_its_rule(school: School) -> None:
    with connect(school) as client:
        client.mail(FRED)
        code, text = client.rcpt("somebody@elsewhere.example")
    shown = re.search(rb"\(code (.{9})\)", text)
    assert code == 550 and shown is not None
    audit = BlockingClient(school.settings.server.runtime / "audit" / "query.sock", 10)
    why: dict[str, object] = {}

    def known() -> bool:
        why.update(audit.call("why", code=shown.group(1).decode()))
        return True

    eventually(known)
    audit.close()
    assert (why["service"], why["reason"], why["source"]) == ("mail", "outside-recipient", "mail.yaml outside.send")
    assert "elsewhere" not in str(why)
