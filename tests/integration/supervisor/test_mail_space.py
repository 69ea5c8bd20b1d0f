"""People whose space fills up are told by mail; what this server delivered is told from what it did not."""

import imaplib
import os
import signal
import smtplib
import ssl
import subprocess
import sys

import pytest

from appliance.supervisor.client import ServerUnreachable
from tests.integration.support_place import ROOT
from tests.integration.support_school import ACCOUNTS, QUICK, running

PASSWORD = "Neues-Kennwort-7!"
FRED, ANNA = "fred.mustermann", "anna.lehmann"
SETTINGS = {**QUICK, "access": {"modules": {"files": "off", "web": "off"}}}
QUOTA = 100_000


@pytest.fixture(scope="module")
def school():
    with running(SETTINGS, (*ACCOUNTS, "mail", "imap")) as made:
        for login, password in made.take_in()[1].items():
            assert made.change_password(login, password, PASSWORD)["answer"] == "changed"
        made.when(lambda: made.call("status")["healthy"])
        made.call("usage.reconcile")
        yield made


def trusting(school):
    return ssl.create_default_context(cafile=school.folder / "state" / "authority" / "ca.pem")


def sent(school, login, size):
    """Let Anna send ``login`` a mail of ``size`` bytes, and give where it lies."""
    listen = school.settings.network.listen["submission"]
    before = set(boxes(school, login))
    with smtplib.SMTP(listen.host, listen.port, "pc12", timeout=10) as client:
        client.starttls(context=trusting(school))
        client.login(ANNA, PASSWORD)
        text = f"From: {ANNA}@schule.example\r\nSubject: fills\r\n\r\n" + ("x" * 70 + "\r\n") * (size // 72)
        client.sendmail(f"{ANNA}@schule.example", [f"{login}@schule.example"], text)
    return next(path for path in set(boxes(school, login)) - before if b"Subject: fills" in path.read_bytes())


def boxes(school, login):
    return sorted((school.folder / "data" / "mail" / login).glob("[cn]*/*,S=*"))


def told(school, login):
    """The percents that mails to ``login`` speak of, oldest first."""
    found = []
    for path in sorted(boxes(school, login), key=lambda path: path.name):
        with path.open("rb") as file:
            head = file.read(4096).partition(b"\r\n\r\n")[0]
        subject = next((line for line in head.split(b"\r\n") if line.startswith(b"Subject: Your space")), None)
        found += [subject.split()[-2].decode()] if subject else []
        assert subject is None or b"\r\nFrom: Postmaster <postmaster@schule.example>\r\n" in head
    return found


def emptied(school, login):
    """Let ``login`` delete all mail by IMAP, and the disk be counted."""
    listen = school.settings.network.listen["imap"]
    client = imaplib.IMAP4(listen.host, listen.port, timeout=10)
    client.starttls(trusting(school))
    client.login(login, PASSWORD)
    client.select("INBOX")
    client.store("1:*", "+FLAGS", r"(\Deleted)")
    client.expunge()
    client.logout()
    school.call("usage.reconcile")


def test_who_fills_his_space_is_told_once_at_each_crossing_over_restarts_and_again_after_there_was_room(school):
    for login in (FRED, ANNA):
        school.call("quota.set", login=login, size=f"{QUOTA}B", reason="test")
    sent(school, FRED, 60_000)
    sent(school, FRED, 21_000)
    school.when(lambda: told(school, FRED) == ["80"])
    sent(school, FRED, 13_000)
    school.when(lambda: told(school, FRED) == ["80", "95"])
    os.kill(school.pid("supervisor"), signal.SIGKILL)
    school.when(lambda: answers(school))
    sent(school, ANNA, 82_000)
    school.when(lambda: told(school, ANNA) == ["80"])
    assert told(school, FRED) == ["80", "95"], "kept over kill -9"
    emptied(school, FRED)
    sent(school, ANNA, 13_000)
    school.when(lambda: told(school, ANNA) == ["80", "95"])
    sent(school, FRED, 82_000)
    school.when(lambda: told(school, FRED) == ["80"])
    log = "".join(path.read_text() for path in school.folder.glob("state/log/*.log"))
    assert FRED not in log and ANNA not in log


def answers(school):
    try:
        return school.call("status")["healthy"]
    except ServerUnreachable:
        return None


def schoolserver(school, *argv):
    environment = {**os.environ, "SCHOOLSERVER_CONTROL": str(school.control), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "appliance", *argv],
        env=environment,
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )


def test_the_carer_can_tell_what_this_server_delivered(school, tmp_path):
    school.call("quota.reset", login=FRED, reason="test")
    path = sent(school, FRED, 500)
    done = schoolserver(school, "mail", "verify", str(path))
    assert done.returncode == 0, done.stderr
    assert "GENUINE" in done.stdout and f"{ANNA}@schule.example" in done.stdout
    saved = tmp_path / "saved.eml"
    saved.write_bytes(b"X-Mozilla-Status: 0001\n" + path.read_bytes().replace(b"\r\n", b"\n"))
    assert schoolserver(school, "mail", "verify", str(saved)).returncode == 0
    saved.write_bytes(path.read_bytes().replace(b"fills", b"false"))
    done = schoolserver(school, "mail", "verify", str(saved))
    assert (done.returncode, done.stdout[:11]) == (1, "NOT GENUINE")
