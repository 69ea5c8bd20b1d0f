"""Mail inside the school with the clients that everybody has: swaks, curl, smtplib, imaplib."""

import email
import email.policy
import os
import secrets
import shutil
import smtplib
import subprocess

import pytest

from tests.integration.demo.clients import Clients, letter, refusal_code
from tests.integration.demo.running import Account, RunningDemo
from tests.integration.demo.waiting import eventually

MEGABYTE = 1_000_000


def _swaks(demo: RunningDemo, sender: Account, *argv: str) -> subprocess.CompletedProcess[str]:
    host, port = demo.service("submission")
    command = ["swaks", "--server", f"{host}:{port}", "--tls", "--tls-verify", "--tls-ca-path", demo.contract["ca"]]
    command += ["--auth-user", sender.login, "--auth-password", sender.password, "--from", sender.address, *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed")
def test_a_pupil_writes_to_a_teacher(fred: Account, teacher: Account, demo: RunningDemo, clients: Clients) -> None:
    """Issue 2, item 10: handed in with swaks, read with curl."""
    token = secrets.token_hex(8)
    sent = _swaks(demo, fred, "--to", teacher.address, "--header", f"Subject: {token}", "--body", "Guten Tag")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    host, port = demo.service("imap")
    common = ("--ssl-reqd", "--cacert", demo.contract["ca"], "--user", f"{teacher.login}:{teacher.password}")
    found = clients.curl(*common, f"imap://{host}:{port}/INBOX?SUBJECT%20{token}")
    number = found.stdout.split()[-1]
    read = clients.curl(*common, f"imap://{host}:{port}/INBOX;MAILINDEX={number}")
    assert "Guten Tag" in read.stdout
    assert f"From: Fred Mustermann <{fred.address}>" in read.stdout.replace("\r", ""), "K35: the name is the roster's"
    assert len(clients.read(teacher, token)) == 1


def test_a_letter_lies_in_a_maildir_that_is_closed_to_others(
    fred: Account, teacher: Account, demo: RunningDemo, clients: Clients
) -> None:
    """Issue 2, item 10 and K05: a Maildir, for the mail user alone."""
    sent = letter(fred, teacher)
    clients.send(fred, teacher, sent)
    box = clients.mailbox(teacher)
    assert {"cur", "new", "tmp"} <= set(os.listdir(box))
    assert box.stat().st_mode & 0o077 == 0
    assert os.listdir(box / "tmp") == []
    assert len(clients.read(teacher, str(sent["Subject"]).split()[-1])) == 1


def test_to_the_outside_is_refused(fred: Account, clients: Clients) -> None:
    """K08: 550 5.7.1, and the session goes on."""
    with clients.smtp(fred) as client:
        assert client.mail(fred.address)[0] == 250
        code, text = client.rcpt("somebody@example.org")
        assert (code, text[:5]) == (550, b"5.7.1")
        refusal_code(text.decode())
        assert client.rcpt(fred.address)[0] == 250


def test_nobody_writes_in_anothers_name(fred: Account, teacher: Account, clients: Clients) -> None:
    """K09: neither as the sender of the envelope nor in From."""
    with clients.smtp(fred) as client:
        code, text = client.mail(teacher.address)
        assert (code, text[:5]) == (550, b"5.7.1")
    forged = letter(teacher, fred)
    with clients.smtp(fred) as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.send_message(forged, fred.address, [teacher.address])
    assert refused.value.smtp_code == 550
    assert refused.value.smtp_error.startswith(b"5.7.1")


def test_an_unknown_recipient_is_refused(fred: Account, clients: Clients) -> None:
    """Issue 2, item 10: 550 5.1.1 as RFC 3463 has it."""
    with clients.smtp(fred) as client:
        client.mail(fred.address)
        code, text = client.rcpt("nobody.atall@schule.example")
    assert (code, text[:5]) == (550, b"5.1.1")


def test_nothing_opens_without_tls_or_without_a_sign_in(fred: Account, demo: RunningDemo, clients: Clients) -> None:
    """K06: no password in clear; RFC 6409: nobody hands in mail unnamed."""
    with smtplib.SMTP(*demo.service("submission"), timeout=20) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AGEAYQ==")[0] in (530, 538)
        assert client.mail(fred.address)[0] == 530
    with clients.smtp() as client:
        client.ehlo()
        assert client.has_extn("auth")
        assert client.mail(fred.address)[0] == 530
    host, port = demo.service("imap")
    plain = clients.curl("--user", f"{fred.login}:{fred.password}", f"imap://{host}:{port}/INBOX")
    assert plain.returncode != 0


def test_nineteen_megabytes_pass(fred: Account, teacher: Account, clients: Clients) -> None:
    """K12: an attachment below the limit of 20 MB goes through whole."""
    content = os.urandom(19 * MEGABYTE)
    sent = letter(fred, teacher, attachment=content)
    clients.send(fred, teacher, sent)
    (body,) = clients.read(teacher, str(sent["Subject"]).split()[-1])
    _text, attachment = email.message_from_bytes(body).get_payload()
    assert attachment.get_payload(decode=True) == content


def test_twenty_five_megabytes_do_not(fred: Account, teacher: Account, clients: Clients) -> None:
    """K12: 552, already where the size is announced, and as well where it is not; nothing of it is left."""
    sent = letter(fred, teacher, attachment=bytes(25 * MEGABYTE)).as_bytes(policy=email.policy.SMTP)
    with clients.smtp(fred) as client:
        code, text = client.mail(fred.address, [f"SIZE={len(sent)}"])
        assert code == 552, text
    with clients.smtp(fred) as client:
        client.mail(fred.address)
        client.rcpt(teacher.address)
        code, text = client.data(sent)
        assert (code, text[:5]) == (552, b"5.3.4")
        refusal_code(text.decode())
        assert client.noop()[0] == 250
    assert os.listdir(clients.mailbox(teacher) / "tmp") == []


def test_a_full_disk_is_a_temporary_failure(
    fred: Account, teacher: Account, demo: RunningDemo, clients: Clients
) -> None:
    """Issue 2, bad input: 452, nothing half stored; as soon as there is room the same letter goes through."""
    if demo.small_disk is None:
        pytest.skip("a small disk for mail can be mounted by root only")
    ballast = demo.small_disk / "ballast"
    sent = letter(fred, teacher, attachment=os.urandom(4 * MEGABYTE))
    before = _everything_in(clients, teacher)
    free = os.statvfs(demo.small_disk)
    try:
        with ballast.open("wb") as filling:
            os.posix_fallocate(filling.fileno(), 0, free.f_bavail * free.f_frsize - 2 * MEGABYTE)
        with clients.smtp(fred) as client, pytest.raises(smtplib.SMTPResponseException) as full:
            client.send_message(sent, fred.address, [teacher.address])
        assert full.value.smtp_code == 452
        assert full.value.smtp_error.startswith(b"4.3.1")
        assert _everything_in(clients, teacher) == before
    finally:
        ballast.unlink()
    clients.send(fred, teacher, sent)
    assert len(clients.read(teacher, str(sent["Subject"]).split()[-1])) == 1
    eventually(clients.healthy, what="well again once there is room")


def _everything_in(clients: Clients, account: Account) -> set[str]:
    box = clients.mailbox(account)
    return {f"{part}/{name}" for part in ("new", "cur", "tmp") for name in os.listdir(box / part)}
