"""The demo's proof of mail: handed in over each way in, read over IMAP, and refused where it must be.

May live here: what is exchanged and what must come back. May not: how a line is printed.
"""

from __future__ import annotations

import imaplib
import secrets
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.demo.accounts import DemoAccount
    from appliance.demo.proof import School

_PATIENCE = 10.0


def submission(school: School) -> smtplib.SMTP:
    """Connect as a mail program does, with TLS begun; raises ``OSError`` and ``SMTPException``."""
    listen = school.settings.network.listen["submission"]
    smtp = smtplib.SMTP(str(listen.host), listen.port, timeout=_PATIENCE)
    smtp.starttls(context=_tls(school))
    return smtp


def _tls(school: School) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(school.ca))


def _to_teacher(school: School) -> tuple[bool, str]:
    """A pupil's mail to a teacher: handed in with STARTTLS and AUTH, read back over IMAP."""
    letter = _letter(school, school.pupil.login, school.teacher.login)
    with submission(school) as smtp:
        smtp.login(school.pupil.login, school.pupil.password)
        smtp.send_message(letter)
    listen = school.settings.network.listen["imap"]
    with imaplib.IMAP4(str(listen.host), listen.port, timeout=_PATIENCE) as imap:
        imap.starttls(_tls(school))
        return _read(imap, school.teacher, letter)


def _to_class(school: School) -> tuple[bool, str]:
    """A teacher's mail to the class: with TLS at once (465), read by a pupil of it in the same way (993)."""
    common = sorted(set(school.pupil.groups) & set(school.teacher.groups))
    if not common:
        return False, "pupil and teacher have no group in common"
    letter = _letter(school, school.teacher.login, common[0])
    listen = school.settings.network.listen["submissions"]
    with smtplib.SMTP_SSL(str(listen.host), listen.port, timeout=_PATIENCE, context=_tls(school)) as smtp:
        smtp.login(school.teacher.login, school.teacher.password)
        smtp.send_message(letter)
    listen = school.settings.network.listen["imaps"]
    with imaplib.IMAP4_SSL(str(listen.host), listen.port, timeout=_PATIENCE, ssl_context=_tls(school)) as imap:
        return _read(imap, school.pupil, letter)


def _to_class_by_pupil(school: School) -> tuple[bool, str]:
    """A pupil writes to no whole class (K09)."""
    return _is_refused(school, school.address(school.pupil.login), school.address(school.pupil.groups[0]))


def _outside(school: School) -> tuple[bool, str]:
    """Mail to the outside is refused (K08)."""
    return _is_refused(school, school.address(school.pupil.login), "somebody@example.org")


def _foreign_sender(school: School) -> tuple[bool, str]:
    """Nobody writes in another's name (K09)."""
    return _is_refused(school, school.address(school.teacher.login), school.address(school.teacher.login))


def _without_sign_in(school: School) -> tuple[bool, str]:
    """Who is no listed device hands in nothing on the port of the devices without signing in."""
    listen = school.settings.network.listen["smtp"]
    with smtplib.SMTP(str(listen.host), listen.port, timeout=_PATIENCE) as smtp:
        smtp.ehlo()
        code, text = smtp.mail(school.address(school.pupil.login))
    return code == 530, f"{code} {text.decode(errors='replace')}"


def _letter(school: School, sender: str, recipient: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = school.address(sender), school.address(recipient)
    letter["Subject"] = f"Hausaufgaben {secrets.token_hex(8)}"
    letter.set_content("Liebe Grüße aus der Klasse 3a.\n")
    return letter


def _read(imap: imaplib.IMAP4, reader: DemoAccount, letter: EmailMessage) -> tuple[bool, str]:
    """Sign in as ``reader``, find the letter, and delete it; the whole of its text must have come."""
    imap.login(reader.login, reader.password)
    imap.select("INBOX")
    _status, found = imap.search(None, "SUBJECT", letter["Subject"].split()[-1])
    numbers = found[0].split()
    if len(numbers) != 1:
        return False, f"{len(numbers)} letters with the token instead of one"
    _status, parts = imap.fetch(numbers[0], "(RFC822)")
    body = parts[0][1] if isinstance(parts[0], tuple) else b""
    imap.store(numbers[0], "+FLAGS", "\\Deleted")
    imap.expunge()
    whole = letter.get_content().strip().encode() in body.replace(b"\r\n", b"\n") or b"Gr=C3=BC=C3=9Fe" in body
    return whole, f"{len(body)} bytes arrived, read over IMAP by {reader.login}"


def _is_refused(school: School, sender: str, recipient: str) -> tuple[bool, str]:
    with submission(school) as smtp:
        smtp.login(school.pupil.login, school.pupil.password)
        for code, text in (smtp.mail(sender), smtp.rcpt(recipient)):
            if code >= 400:
                return code == 550 and text.startswith(b"5.7.1"), f"{code} {text.decode(errors='replace')}"
    return False, "accepted"


EXCHANGES: tuple[tuple[str, Callable[[School], tuple[bool, str]]], ...] = (
    ("mail: pupil to teacher", _to_teacher),
    ("mail: teacher to class", _to_class),
    ("mail: pupil to class", _to_class_by_pupil),
    ("mail: to the outside", _outside),
    ("mail: in another's name", _foreign_sender),
    ("mail: without signing in", _without_sign_in),
)
