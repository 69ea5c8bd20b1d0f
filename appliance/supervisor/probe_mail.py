"""The probe of mail: hands in a message to itself over SMTP, finds it over IMAP, compares its bytes, deletes it.

Submission as in RFC 6409 with STARTTLS and AUTH, reading as in RFC 9051. Blocking. Never logs or raises an address.
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import os
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from typing import Any

from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.reach import reach, trusting

_SIZE = 3 * 1024
_ID_FIELD = "X-Schoolserver-Probe"
_BUSY = ("[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[SERVERBUG]")
"""What a refused sign-in says (RFC 5530) when the password is not the reason."""


def probe_mail(visitor: Visitor) -> None:
    """Move a few KiB from a mail program to the mailbox and back; raises :class:`ProbeFailed`."""
    number = os.urandom(8).hex()
    body = base64.encodebytes(os.urandom(_SIZE)).replace(b"\n", b"\r\n")
    context = trusting(visitor.ca)
    with _blaming("mail", "SMTP"):
        _hand_in(visitor, context, number, body)
    with _blaming("imap", "IMAP"):
        _fetch(visitor, context, number, body)


def _hand_in(visitor: Visitor, context: ssl.SSLContext, number: str, body: bytes) -> None:
    host, port = reach(visitor.settings, "submission")
    address = f"{visitor.login}@{visitor.settings.school.domain}"
    head = (
        f"From: <{address}>\r\nTo: <{address}>\r\nDate: {formatdate()}\r\nSubject: probe\r\n"
        f"Message-ID: <{number}@{visitor.settings.school.domain}>\r\n{_ID_FIELD}: {number}\r\n\r\n"
    )
    with _Sender(host, port, local_hostname="localhost", timeout=visitor.timeout) as client:
        client.starttls(context=context)
        try:
            client.login(visitor.login, visitor.password.reveal())
        except smtplib.SMTPAuthenticationError as refusal:
            if _answer(refusal) is None:
                raise
            raise _refused(refusal.smtp_code < 500, "SMTP") from refusal
        client.sendmail(address, [address], head.encode("ascii") + body)


def _fetch(visitor: Visitor, context: ssl.SSLContext, number: str, body: bytes) -> None:
    host, port = reach(visitor.settings, "imap")
    client = _Reader(host, port, timeout=visitor.timeout)
    try:
        client.starttls(context)
        try:
            client.login(visitor.login, visitor.password.reveal())
        except client.abort:  # no answer to it: imaplib takes that for an error too
            raise
        except client.error as refusal:
            raise _refused(any(code in str(refusal) for code in _BUSY), "IMAP") from refusal
        _right(client.select("INBOX"), "SELECT")
        found = _right(client.uid("SEARCH", "HEADER", _ID_FIELD, number), "SEARCH")[0].split()
        if len(found) != 1:
            raise ProbeFailed("imap", f"IMAP: {len(found)} messages where the one handed in should be")
        parts = _right(client.uid("FETCH", found[0].decode("ascii"), "(BODY.PEEK[TEXT])"), "FETCH")
        came: bytes = next((part[1] for part in parts if isinstance(part, tuple)), b"")
        # Whatever earlier, broken off probes have left goes too: nobody else has mail here.
        _right(client.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)"), "STORE")
        _right(client.expunge(), "EXPUNGE")
        if came.rstrip(b"\r\n") != body.rstrip(b"\r\n"):
            raise ProbeFailed("imap", "IMAP: the message that came back is not the one handed in")
    finally:
        with contextlib.suppress(OSError, client.error):
            client.logout()


class _Sender(smtplib.SMTP):
    """Ends with a farewell instead of trying on, as smtplib does, until the connection is gone."""

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()
        if code == 421:
            self.close()
            raise ProbeFailed(None, "SMTP: answered 421")
        return code, text


class _Reader(imaplib.IMAP4):
    """Tells a farewell, which is an answer, from a connection that ends; imaplib takes both for the same."""

    def readline(self) -> bytes:
        line = super().readline()
        if line[:5].upper() == b"* BYE" and self.state != "LOGOUT":
            raise ProbeFailed(None, "IMAP: answered BYE")
        return line


def _right(answer: tuple[str, Sequence[Any]], command: str) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise ProbeFailed(None, f"IMAP: {command} was answered {status}")
    return [part for part in data if part is not None]


def _refused(temporary: bool, protocol: str) -> ProbeFailed:
    if temporary:
        return ProbeFailed(None, f"{protocol}: the sign-in cannot be checked now")
    return WrongPassword(None, f"{protocol}: the sign-in was refused")


@contextlib.contextmanager
def _blaming(unit: str, protocol: str) -> Iterator[None]:
    """Any failure inside is the ``unit``'s unless it has answered like one that is alive; told without addresses."""
    try:
        yield
    except TimeoutError as problem:
        raise ProbeFailed(unit, f"{protocol}: no answer in time") from problem
    except (OSError, smtplib.SMTPException, imaplib.IMAP4.error) as problem:
        if (answer := _answer(problem)) is not None:
            raise ProbeFailed(None, f"{protocol}: answered {answer}") from problem
        cause = os.strerror(problem.errno) if isinstance(problem, OSError) and problem.errno else type(problem).__name__
        raise ProbeFailed(unit, f"{protocol}: {cause}") from problem


def _answer(problem: Exception) -> str | None:
    """What was refused in the words of the protocol; ``None``: silence, or bytes that mean nothing.

    Both libraries raise the same errors for what they cannot read.
    """
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        return ", ".join(str(code) for code, _text in problem.recipients.values())
    if isinstance(problem, smtplib.SMTPResponseException):
        readable = 400 <= problem.smtp_code < 600 and isinstance(problem.smtp_error, bytes)
        return str(problem.smtp_code) if readable else None
    if isinstance(problem, imaplib.IMAP4.abort) or "got more than" in str(problem):
        return None
    return "with a refusal" if isinstance(problem, imaplib.IMAP4.error) else None
