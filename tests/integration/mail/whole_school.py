"""A whole school with its supervisor, mail, and a mail server outside; what its tests have in common.

May live here: its people and settings, mail programs that come to it, what lies in its boxes. May not: a test.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import imaplib
import os
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from appliance.daemon.identities import Identities
from tests.integration.alerts.smarthost import LOGIN, Smarthost
from tests.integration.alerts.smarthost import PASSWORD as SMARTHOST_PASSWORD
from tests.integration.demo.waiting import eventually
from tests.integration.support_place import AS_ROOT, DOMAIN
from tests.integration.support_school import ACCOUNTS, QUICK, School, running

ROSTER = """Import-ID;Vorname;Nachname;Klasse;AGs;Rolle;Geburtsdatum
1;Fred;Mustermann;3a;AG Chor;pupil;01.02.2017
2;Gina;Musterfrau;3a;;pupil;02.02.2017
3;Hanna;Huebsch;3a;AG Chor;pupil;03.02.2017
4;Ivo;Immerda;3a;;pupil;04.02.2017
5;Frida;Lehrer;3a;;teacher;
6;Klaus;Kunst;;;teacher;
7;Ada;Verwalter;;;admin;
8;Karl;Kletterer;3b;AG Klettern;pupil;08.02.2017
9;Lea;Leiter;3b;AG Klettern;pupil;09.02.2017
"""
FRED, GINA, HANNA, IVO, FRIDA, KLAUS = (
    "fred.mustermann", "gina.musterfrau", "hanna.huebsch", "ivo.immerda", "frida.lehrer", "klaus.kunst"
)  # fmt: skip
CLASS = ("fred.mustermann", "gina.musterfrau", "hanna.huebsch", "ivo.immerda", "frida.lehrer")
DEVICE, DEVICE_SENDER, RELAY = "127.0.20.7", f"kopierer@{DOMAIN}", "127.0.30.9"
OUTSIDE = "eltern.geheim@posteo.example"
REASON = "agreed with the head"
AT_ONCE = 2.0
UNITS = (*ACCOUNTS, "mail", "outbound", "imap")


def settings(host: Smarthost, folder: Path) -> dict:
    return {
        **QUICK,
        "network": {"device_networks": ["127.0.20.0/24"]},
        "mail": {
            "workers": 2,
            "rules": {
                "recipients_per_message": {"pupil": 6},
                "recipients_per_hour": {"pupil": 10},
                "bytes_per_hour": {"pupil": "1 MB"},
            },
            "devices": [{"address": DEVICE, "sender": DEVICE_SENDER}],
            "outside": {
                "send": ["teacher"],
                "receive": ["teacher"],
                "relays": [RELAY],
                "smarthost": f"localhost:{host.port}",
                "ca": str(host.ca),
                "login": LOGIN,
                "password_file": str(folder / "smarthost.password"),
                "retry_first": "1 s",
            },
        },
    }


@contextlib.contextmanager
def start_whole_school(host: Smarthost) -> Iterator[School]:
    """Run one until the end; ``host`` takes its mail to the outside."""
    folder = host.ca.parent
    folder.chmod(0o755)
    with running(settings(host, folder), UNITS) as made:
        owner = Identities(made.settings.server).of("mail")
        secret = folder / "smarthost.password"
        secret.touch(0o600)
        secret.write_text(f"{SMARTHOST_PASSWORD}\n")
        if AS_ROOT:
            os.chown(secret, owner.uid, owner.gid)
        made.bring_in(ROSTER)
        made.when_published("mail", lambda found: set(CLASS) <= found.accounts.keys())
        yield made


def connect(
    school: School, login: str | None, listener: str = "submission", address: str = "127.0.0.1"
) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=str(school.ca))
    client = smtplib.SMTP(*school.address(listener), "pc12", timeout=20, source_address=(address, 0))
    client.starttls(context=context)
    client.ehlo()
    if login is not None:
        client.login(login, school.passwords[login])
    return client


def at_imap(school: School, login: str) -> imaplib.IMAP4:
    client = imaplib.IMAP4(*school.address("imap"), timeout=20)
    client.starttls(ssl.create_default_context(cafile=str(school.ca)))
    client.login(login, school.passwords[login])
    client.select("INBOX")
    return client


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


def letter(sender: str, subject: str, size: int = 100) -> bytes:
    return f"From: {sender}\r\nSubject: {subject}\r\n\r\n".encode() + (b"x" * 70 + b"\r\n") * (size // 72)


def found(school: School, login: str, subject: str) -> list[Path]:
    """The messages of ``login`` whose subject begins so."""
    box = school.mailbox(login)
    wanted = f"\r\nSubject: {subject}".encode()
    return [path for path in box.glob("[cn]*/*") if wanted in path.read_bytes().split(b"\r\n\r\n", 1)[0]]


def reports(school: School, login: str) -> list[EmailMessage]:
    """The reports that the server has written to ``login``, in their order."""
    paths = sorted(school.mailbox(login).glob("[cn]*/*"), key=lambda path: path.stat().st_mtime_ns)
    read = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]
    return [one for one in read if one.get_content_type() == "multipart/report"]  # type: ignore[misc]


def again(school: School, login: str) -> smtplib.SMTP:
    """Connect after something was killed: its socket takes the connection meanwhile."""

    def once() -> smtplib.SMTP | None:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            return connect(school, login)
        return None

    return eventually(once, what="it is there again")


def status_of(report: EmailMessage) -> list[EmailMessage]:
    """The groups of fields of its machine-readable part: of the message, then of each recipient (RFC 3464)."""
    (status,) = (part for part in report.iter_parts() if part.get_content_type() == "message/delivery-status")
    return status.get_payload()
