"""The mark of what this server delivered: no mail program can make it, and what was delivered keeps it (K09)."""

from __future__ import annotations

import imaplib
import io
import smtplib
import time

import pytest

from appliance.mail.seal import FIELD, Delivered, evidence, judge
from appliance.mail.seal_key import public_keys
from tests.integration.mail.clients import FRED, FRIDA, GINA, connect, connect_imap
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD

MESSAGE = f"From: {FRED}\r\nTo: {FRIDA}\r\nSubject: {{}}\r\n\r\nGrüße\r\n"


def judged(school: School, data: bytes) -> Delivered | None:
    return judge(evidence(io.BytesIO(data)), public_keys(school.settings.server.state / "mail"))


def delivered(school: School, client: smtplib.SMTP, subject: str, *to: str) -> bytes:
    """Hand a message in, and give it as it lies in Frida's box."""
    before = set(school.boxes("frida.lehrer"))
    client.sendmail(FRED, [FRIDA, *to], MESSAGE.format(subject).encode(), ["BODY=8BITMIME"])
    (path,) = set(school.boxes("frida.lehrer")) - before
    return path.read_bytes()


def fetched(client: imaplib.IMAP4, folder: str, subject: str) -> bytes:
    assert client.select(folder, readonly=True)[0] == "OK"
    (number,) = client.search(None, "SUBJECT", subject)[1][0].split()
    message: bytes = client.fetch(number.decode(), "(BODY.PEEK[])")[1][0][1]
    return message


@pytest.mark.parametrize("listener", ["submission", "submissions", "smtp"])
def test_what_is_delivered_is_marked(school: School, listener: str) -> None:
    begun = time.time()
    with connect(school, listener) as client:
        client.login("fred.mustermann", PASSWORD)
        found = judged(school, delivered(school, client, f"by {listener}"))
    assert found is not None
    assert found.sender == FRED
    assert begun - 1 <= found.at.timestamp() <= time.time()


def test_one_mark_for_all_boxes(school: School, client: smtplib.SMTP) -> None:
    message = delivered(school, client, "both", GINA)
    (other,) = [path for path in school.boxes("gina.musterfrau") if path.read_bytes() == message]
    assert judged(school, other.read_bytes()) is not None
    assert message.count(FIELD.encode()) == 1


def test_a_large_message_is_marked(school: School, client: smtplib.SMTP) -> None:
    """It is written in several pieces."""
    before = set(school.boxes("frida.lehrer"))
    client.sendmail(FRED, [FRIDA], MESSAGE.format("large").encode() + (b"x" * 900 + b"\r\n") * 2_500, ["BODY=8BITMIME"])
    (path,) = set(school.boxes("frida.lehrer")) - before
    assert judged(school, path.read_bytes()) is not None
    path.unlink()


def test_what_is_read_moved_and_copied_keeps_its_mark(
    school: School, client: smtplib.SMTP, frida: imaplib.IMAP4
) -> None:
    message = delivered(school, client, "keeps")
    frida.create("Kept")
    frida.select("INBOX")
    (number,) = frida.search(None, "SUBJECT", "keeps")[1][0].split()
    frida.store(number.decode(), "+FLAGS", r"(\Seen \Flagged)")
    assert frida.copy(number.decode(), "Kept")[0] == "OK"
    uid = frida.fetch(number.decode(), "(UID)")[1][0].split()[2].strip(b")").decode()
    assert frida.uid("MOVE", uid, "Trash")[0] == "OK"
    for folder in ("Kept", "Trash"):
        assert fetched(frida, folder, "keeps") == message
    assert judged(school, message) is not None


def test_a_mail_program_cannot_put_in_what_we_delivered(
    school: School, client: smtplib.SMTP, frida: imaplib.IMAP4
) -> None:
    message = delivered(school, client, "genuine")
    mark, _, rest = message.partition(b"\r\n")
    other = delivered(school, client, "another").partition(b"\r\n")[0]
    forged = {
        "made up": f"{FIELD}: 1 20260901T080000Z abc {GINA} {'A' * 88}\r\n".encode() + rest,
        "no mark": rest,
        "another text": message.replace("Grüße".encode(), b"Hohn und Spott"),
        "another sender": message.replace(FRED.encode(), GINA.encode()),
        "another mark": other + b"\r\n" + rest,
        "a mark below": b"Subject: forged\r\n" + mark + b"\r\n" + rest,
        "two messages": message + message,
    }
    frida.create("Forged")
    for how, data in forged.items():
        assert judged(school, data) is None, how
        assert frida.append("Forged", "", None, data)[0] == "OK"
    frida.select("Forged", readonly=True)
    numbers = frida.search(None, "ALL")[1][0].decode().split()
    assert len(numbers) == len(forged)
    for number in numbers:
        assert judged(school, frida.fetch(number, "(BODY.PEEK[])")[1][0][1]) is None


def test_a_mark_that_is_handed_in_is_left_out(school: School, client: smtplib.SMTP) -> None:
    """Who sends a mail that he got, mark and all, sends a new one."""
    old = delivered(school, client, "first")
    before = set(school.boxes("frida.lehrer"))
    client.sendmail(FRED, [FRIDA], old, ["BODY=8BITMIME"])
    (path,) = set(school.boxes("frida.lehrer")) - before
    new = path.read_bytes()
    assert new.count(FIELD.encode()) == 1
    assert new.partition(b"\r\n")[0] != old.partition(b"\r\n")[0]
    assert judged(school, new) is not None


def test_only_mail_itself_has_the_key_and_it_stays(school: School) -> None:
    folder = school.settings.server.state / "mail"
    with connect(school) as client:
        client.login("fred.mustermann", PASSWORD)
        message = delivered(school, client, "before")
    for name, mode in (("seal.key", 0o400), ("seal.pub", 0o440)):
        about = (folder / name).stat()
        assert (about.st_mode & 0o777, about.st_uid) == (mode, folder.stat().st_uid)
    key = (folder / "seal.key").read_bytes()
    assert school.mail.stop() == 0
    school.mail.start()
    assert (folder / "seal.key").read_bytes() == key
    assert judged(school, message) is not None


def test_its_key_is_in_no_mail_and_no_log(school: School, client: smtplib.SMTP) -> None:
    message = delivered(school, client, "secret")
    key = (school.settings.server.state / "mail" / "seal.key").read_bytes().strip()
    assert key not in message and key.decode() not in school.log.read_text()


def test_imap_shows_it_first(school: School, client: smtplib.SMTP) -> None:
    message = delivered(school, client, "as-it-lies")
    reader = connect_imap(school)
    reader.login("frida.lehrer", PASSWORD)
    shown = fetched(reader, "INBOX", "as-it-lies")
    reader.shutdown()
    assert shown == message
    assert shown.startswith(f"{FIELD}: 1 ".encode())
