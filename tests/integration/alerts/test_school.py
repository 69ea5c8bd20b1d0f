"""A running school whose disk fills and whose parts die: what is refused, what goes on, and that the carer is told."""

import base64
import contextlib
import ftplib
import imaplib
import io
import os
import smtplib
import ssl

import pytest

from appliance.auth.envelope import Keys
from appliance.supervisor.client import ServerRefused
from appliance.supervisor.launcher.client import ChildrenClient
from tests.integration.alerts.conftest import CARER, INSIDE, RESERVE
from tests.integration.demo.waiting import eventually

FRED = "fred.mustermann"
MB = 10**6


@contextlib.contextmanager
def disk_with(school, left):
    """Leave ``left`` bytes on the disk while inside."""
    ballast = school.disk / "ballast"
    found = os.statvfs(school.disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - left)
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def submission(school, login=FRED):
    with smtplib.SMTP(*school.address("submission"), local_hostname="localhost", timeout=20) as client:
        client.starttls(context=ssl.create_default_context(cafile=school.ca))
        client.login(login, school.passwords[login])
        yield client


@contextlib.contextmanager
def files(school, login=FRED):
    with ftplib.FTP_TLS(context=ssl.create_default_context(cafile=school.ca), timeout=20) as client:
        client.connect(*school.address("ftp"))
        client.login(login, school.passwords[login])
        client.prot_p()
        yield client


def mail(size):
    address = f"{FRED}@schule.example"
    return f"From: {address}\r\nTo: {address}\r\nSubject: x\r\n\r\n" + ("x" * 70 + "\r\n") * (size // 72)


def hand_in(client, size):
    address = f"{FRED}@schule.example"
    return client.sendmail(address, [address], mail(size))


def announced(client, size, code):
    """Wait until mail of that ``size`` gets the reply ``code``: how much is left is asked once a second."""

    def asked():
        try:
            return client.mail(f"{FRED}@schule.example", [f"size={size}"])[0] == code
        finally:
            client.rset()

    eventually(asked)


def check(school, name):
    return next(row for row in school.call("status")["checks"] if row["name"] == name)


def test_that_our_own_mail_is_down_is_told_through_the_smarthost_and_not_again_after_a_restart(school):
    eventually(school.healthy, what="all is well")
    launcher = ChildrenClient(school.settings.server.runtime / "launcher" / "launcher.sock")
    with school.frozen("mail"):
        assert school.smarthost.arrived.wait(60)
        _, envelope, letter = school.smarthost.mails[0]
        assert envelope.rcpt_tos == [CARER]
        assert "probe mail" in letter["Subject"]
        assert FRED not in letter.as_string()
    eventually(lambda: check(school, "alerts")["text"].partition("last sent 20")[1], what="the last one is shown")
    launcher.restart("supervisor")
    subjects = lambda: [mail["Subject"] for _, _, mail in school.smarthost.mails]  # noqa: E731 - said where it is used
    eventually(lambda: "[schule.example] well again" in subjects())
    assert len(subjects()) == 2


def refuses_a_file(client):
    """Whether an upload is refused for want of room; one that is not leaves nothing."""
    try:
        client.storbinary("STOR /Home/a", io.BytesIO(b"x"))
    except ftplib.error_temp as refused:
        assert str(refused).startswith("452 The server has no room")
        return True
    client.delete("/Home/a")
    return False


def test_a_disk_down_to_its_reserve_takes_no_mail_and_no_files(school):
    before = school.kept(FRED)
    with disk_with(school, RESERVE - MB):
        eventually(lambda: not check(school, "space data")["ok"])
        with submission(school) as client:
            announced(client, 1000, 452)
            with pytest.raises(smtplib.SMTPSenderRefused) as refused:
                hand_in(client, 1000)
            assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (452, b"4.3.1")
            assert client.noop()[0] == 250
        with files(school) as client:
            eventually(lambda: refuses_a_file(client))  # a worker asks the kernel once a second
            assert client.nlst("/") == ["Groups", "Home"]
    assert school.kept(FRED) == before
    eventually(lambda: check(school, "space data")["ok"])


def test_what_begins_with_room_ends_at_the_reserve(school):
    before = school.kept(FRED)
    with disk_with(school, RESERVE + 3 * MB):
        with submission(school) as client, pytest.raises(smtplib.SMTPDataError) as refused:
            announced(client, 1000, 250)
            announced(client, 5 * MB, 452)
            client.mail(f"{FRED}@schule.example")  # which says nothing of its size
            client.rcpt(f"{FRED}@schule.example")
            code, text = client.data(mail(8 * MB))
            raise smtplib.SMTPDataError(code, text)
        assert refused.value.smtp_code == 452
        with files(school) as client, pytest.raises((ftplib.error_temp, OSError)):
            client.storbinary("STOR /Home/a", io.BytesIO(b"x" * 8 * MB))
        found = os.statvfs(school.disk)
        assert found.f_bavail * found.f_frsize > RESERVE - MB
    assert school.kept(FRED) == before
    with submission(school) as client:
        announced(client, 9 * MB, 250)
        assert hand_in(client, 8 * MB) == {}


def test_state_and_directory_go_on_when_next_to_nothing_is_left(school):
    with disk_with(school, 2 * MB):
        school.choose_password(FRED, school.reset(FRED))
        school.call("users.lock", login=FRED, reason="test")
        school.call("users.unlock", login=FRED)
        with submission(school) as client:
            announced(client, 1000, 452)
        with pytest.raises(ServerRefused, match="nearly full") as refused:
            school.call(
                "users.import",
                content=base64.b64encode(b"Import-ID;Vorname;Nachname;Klasse;Rolle\n9;New;Person;3a;pupil\n").decode(),
                filename="a.csv",
                dry_run=False,
                recipient=Keys.generate().public,
                allow_gone=True,
            )
        assert refused.value.kind == "no-space"
        with pytest.raises(ServerRefused, match="nearly full"):
            school.call("restore", user=FRED, paths=["a"])
    eventually(lambda: school.events(kind="unlocked", login=FRED))


def test_another_reserve_counts_after_a_reload(school):
    path = school.folder / "etc" / "server.yaml"
    text = path.read_text()
    with disk_with(school, RESERVE - 5 * MB):
        path.write_text(text.replace(f"reserve: {RESERVE} B", "reserve: 1 MB"))
        try:
            school.call("settings.reload")
            with submission(school) as client:
                announced(client, 1000, 250)
        finally:
            path.write_text(text)
            school.call("settings.reload")
        with submission(school) as client:
            announced(client, 1000, 452)


def inbox(school, login):
    client = imaplib.IMAP4(*school.address("imap"))
    client.starttls(ssl.create_default_context(cafile=school.ca))
    client.login(login, school.passwords[login])
    client.select("INBOX", readonly=True)
    numbers = client.search(None, "ALL")[1][0].split()
    found = [client.fetch(number.decode(), "(BODY.PEEK[])")[1][0][1].decode() for number in numbers]
    client.logout()
    return found


def test_an_alert_can_be_tried(school):
    eventually(school.healthy, what="all is well")
    with submission(school) as client:
        announced(client, 1000, 250)
    assert school.call("alerts.test") == {"addresses": 2}
    trials = [one for one in school.smarthost.mails if one[2]["Subject"] == "[schule.example] trial"]
    assert [envelope.rcpt_tos for _, envelope, _ in trials] == [[CARER]]  # beside what was told of other tests
    inside = eventually(lambda: [one for one in inbox(school, "erika.lehmann") if "trial" in one])
    assert f"To: {INSIDE}" in inside[0]
    assert check(school, "alerts")["text"].startswith("last sent 20")


def test_the_text_at_log_in_is_kept_fresh(school):
    banner = school.settings.server.runtime / "control" / "banner"
    before = banner.stat().st_mtime_ns
    eventually(lambda: banner.stat().st_mtime_ns > before)
    assert banner.stat().st_mode & 0o007 == 0
