"""Mail programs that are connected and have not signed in yet, and whose mail it is."""

from __future__ import annotations

import imaplib
import smtplib

from tests.integration.mail.school import School

FRED, FRIDA, GINA = (f"{name}@schule.example" for name in ("fred.mustermann", "frida.lehrer", "gina.musterfrau"))


def connect(school: School) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", school.ports["submission"], local_hostname="pc12.schule.example", timeout=20)
    client.starttls(context=school.context)
    client.ehlo()
    return client


def connect_imap(school: School) -> imaplib.IMAP4:
    client = imaplib.IMAP4("127.0.0.1", school.ports["imap"], timeout=20)
    client.starttls(school.context)
    return client
