"""Reading mail: Dovecot as we render it, with the real password service behind it."""

from __future__ import annotations

import imaplib
import os
import smtplib
import ssl
from pathlib import Path

import psutil
import pytest

from tests.integration.mail.clients import connect_imap
from tests.integration.mail.school import PEOPLE, School
from tests.integration.support_parts import PASSWORD

FRED, FRIDA = "fred.mustermann@schule.example", "frida.lehrer@schule.example"


def hand_in(school: School, subject: str) -> bytes:
    made = f"From: {FRED}\r\nTo: {FRIDA}\r\nSubject: {subject}\r\n\r\nGrüße aus der 3a\r\n".encode()
    with smtplib.SMTP("127.0.0.1", school.ports["submission"], "pc12", timeout=20) as client:
        client.starttls(context=school.context)
        client.login("fred.mustermann", PASSWORD)
        client.sendmail(FRED, [FRIDA], made, ["BODY=8BITMIME"])
    return made


def test_what_was_handed_in_is_read(school: School, frida: imaplib.IMAP4) -> None:
    made = hand_in(school, "one")
    assert frida.select("INBOX")[0] == "OK"
    numbers = frida.search(None, "SUBJECT", "one")[1][0].split()
    fetched = frida.fetch(numbers[-1].decode(), "(RFC822 RFC822.SIZE)")[1]
    assert fetched[0][1].endswith(made.replace(f"From: {FRED}".encode(), f"From: Fred Mustermann <{FRED}>".encode()))
    assert f"RFC822.SIZE {len(fetched[0][1])}".encode() in fetched[0][0]
    frida.store(numbers[-1].decode(), "+FLAGS", r"(\Deleted)")
    frida.expunge()
    assert frida.search(None, "SUBJECT", "one")[1] == [b""]


def test_folders(frida: imaplib.IMAP4) -> None:
    names = b" ".join(frida.lsub()[1])
    assert all(name in names for name in (b"Drafts", b"Sent", b"Trash"))
    assert frida.create("Klassen/3a")[0] == "OK"
    assert frida.append("Klassen/3a", "", imaplib.Time2Internaldate(0), b"Subject: x\r\n\r\ny\r\n")[0] == "OK"
    assert frida.select("Klassen/3a") == ("OK", [b"1"])


def test_other_users_cannot_talk_to_dovecots_sockets(school: School) -> None:
    """A socket takes who may write to it and pass all folders above it."""
    base = school.settings.server.runtime / "dovecot"
    found = [path for path in base.rglob("*") if path.is_socket()]
    assert {"auth-userdb", "indexer", "anvil", "login"} <= {path.name for path in found}
    for path in found:
        closed = [above for above in path.parents if above.is_relative_to(base) and not above.stat().st_mode & 0o001]
        assert closed or not path.stat().st_mode & 0o002, path


@pytest.mark.parametrize("login", ["Frida.Lehrer", "frida.lehrer@schule.example", "FRIDA.LEHRER@Schule.Example"])
def test_a_login_is_one_in_every_case(school: School, login: str) -> None:
    hand_in(school, "case")
    client = connect_imap(school)
    client.login(login, PASSWORD)
    client.select("INBOX")
    assert client.search(None, "SUBJECT", "case")[1] != [b""]
    client.logout()


def test_the_probe_reads_its_own_mail(school: School) -> None:
    client = connect_imap(school)
    assert client.login("schoolserver-probe", PASSWORD)[0] == "OK"
    client.logout()


def test_no_password_without_tls(school: School) -> None:
    """Not even from this very machine, for which Dovecot would make an exception."""
    client = imaplib.IMAP4("127.0.0.1", school.ports["imap"], timeout=20)
    with pytest.raises(imaplib.IMAP4.error):
        client.login("frida.lehrer", PASSWORD)
    client.logout()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(school: School) -> None:
    context = school.context
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    client = imaplib.IMAP4("127.0.0.1", school.ports["imap"], timeout=20)
    with pytest.raises((ssl.SSLError, OSError)):
        client.starttls(context)
    client.sock.close()


def refusal(school: School, password: str = PASSWORD, login: str = "frida.lehrer") -> str:
    client = connect_imap(school)
    try:
        client.login(login, password)
    except imaplib.IMAP4.error as error:
        return str(error)
    finally:
        client.shutdown()
    return ""


def test_the_password_service_away_is_a_temporary_failure(school: School) -> None:
    place = school.settings.server.runtime / "auth" / "auth.sock"
    aside = place.with_name("aside")
    school.auth.stop()
    place.rename(aside)
    try:
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            hand_in(school, "later")
        assert caught.value.smtp_code == 454
        answer = refusal(school)
        assert "UNAVAILABLE" in answer and "[schoolserver:" in answer, "it names no machine"
    finally:
        aside.rename(place)
        school.auth.start()
    assert refusal(school) == ""


def test_the_log_names_nobody(school: School) -> None:
    """Good and bad sign-ins, failures of the password service and of the disk: kinds and numbers only (K16)."""
    box = school.settings.server.data / "mail" / "gina.musterfrau"
    box.mkdir(mode=0o700, exist_ok=True)
    os.chown(box, box.parent.stat().st_uid, -1)
    box.chmod(0o000)
    try:
        connect_imap(school).login("gina.musterfrau", PASSWORD)
        client = connect_imap(school)
        client.login("gina.musterfrau", PASSWORD)
        client.select("INBOX")
        client.shutdown()
    except imaplib.IMAP4.error:
        pass
    finally:
        box.chmod(0o700)
    refusal(school, "wrong-password-7!")
    hand_in(school, "log")
    log = school.log.read_text()
    assert "auth" in log and "message" in log
    for login in PEOPLE:
        assert login not in log
        assert login.split(".")[1] not in log
    assert "schule.example" not in log and "wrong-password" not in log
    assert "127.0.0.1" not in log and str(school.folder) not in log
    assert "pc12" not in log


def test_dovecot_keeps_to_its_own_folders(school: School) -> None:
    """Its list of instances lies beside its state, and no list of processes shows who reads mail."""
    assert (school.settings.server.state / "imap" / "instances").exists()
    elsewhere = Path("/var/lib/dovecot/instances")
    assert not elsewhere.exists() or str(school.folder) not in elsewhere.read_text()
    with_frida = connect_imap(school)
    with_frida.login("frida.lehrer", PASSWORD)
    assert school.imap.process is not None
    dovecot = psutil.Process(school.imap.process.pid)
    shown = [" ".join(one.cmdline()) for one in (dovecot, *dovecot.children(recursive=True))]
    with_frida.logout()
    assert any("imap" in line for line in shown)
    assert "frida" not in "\n".join(shown)
