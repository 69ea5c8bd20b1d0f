"""The way of a mail to the carer: through the smarthost, or our own submission; each within a bounded time.

May live here: SMTP as a client (RFC 5321, RFC 3207, RFC 8314). May not: when (``alerts_rule``) and what
(``alerts_text``). Blocking. Nothing goes in clear text, and no error names an address or a password.
"""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from threading import Timer
from typing import Any, Final

from appliance.daemon.secret import Secret
from appliance.settings.alerts import Alerts
from appliance.supervisor.alerts_text import Letter
from appliance.supervisor.probe import Visitor
from appliance.supervisor.reach import reach, trusting

PATIENCE: Final = 15.0
"""Seconds for one step."""
LIMIT: Final = 60.0
"""Seconds for a whole delivery, however slowly the other side speaks."""
_PASSWORD_LIMIT = 1000
_FOR_GOOD = 500


class CannotSend(Exception):
    """A mail did not get away; the text says why, for the carer."""


class Unwanted(CannotSend):
    """None of those it is for takes it, nor will later (RFC 5321 4.2.1: 5yz)."""


def through_smarthost(settings: Alerts, domain: str, to: Sequence[str], letter: Letter) -> int:
    """Hand ``letter`` for ``to`` to the smarthost of ``settings``; gives how many of them it refused.

    Raises :class:`CannotSend` if nobody gets it, :class:`Unwanted` if nobody ever will.
    """
    smarthost = settings.smarthost
    if smarthost is None:
        raise CannotSend("there is no smarthost for addresses outside of the school")
    password = None if settings.password_file is None else _password(settings.password_file)
    context = _trusting(settings.ca)
    sender = settings.sender or (settings.login if "@" in (settings.login or "") else None) or f"postmaster@{domain}"
    with _explained("the smarthost"):
        # The greeting names no host of ours, but must be a name with a domain for many servers.
        options: dict[str, Any] = {"local_hostname": domain, "timeout": PATIENCE, "limit": LIMIT}
        if settings.encryption == "tls":
            client: smtplib.SMTP = _OverTls(smarthost.host, smarthost.port, context=context, **options)
        else:
            client = _Plain(smarthost.host, smarthost.port, **options)
        with _closing(client):
            if settings.encryption == "starttls":
                client.starttls(context=context)
            if settings.login is not None and password is not None:
                client.login(settings.login, password.reveal())
            return _send(client, sender, to, letter)


def through_ourselves(visitor: Visitor, to: Sequence[str], letter: Letter) -> int:
    """Hand ``letter`` for ``to``, addresses of the school, to our own mail; as :func:`through_smarthost`."""
    host, port = reach(visitor.settings, "submission")
    with _explained("our own mail"):
        client = _Plain(host, port, local_hostname="localhost", timeout=PATIENCE, limit=LIMIT)
        with _closing(client):
            client.starttls(context=trusting(visitor.ca))
            client.login(visitor.login, visitor.password.reveal())
            return _send(client, f"{visitor.login}@{visitor.settings.school.domain}", to, letter)


def _send(client: smtplib.SMTP, sender: str, to: Sequence[str], letter: Letter) -> int:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = formatdate()
    mail["Subject"] = letter.subject
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence note comes back
    mail.set_content(letter.text)
    return len(client.send_message(mail, sender, list(to)))


class _Bounded(smtplib.SMTP):
    """A client whose connection is cut ``limit`` seconds after its beginning."""

    def __init__(self, *arguments: Any, limit: float, **named: Any) -> None:
        self._end = Timer(limit, self._cut)
        self._end.daemon = True
        self._end.start()
        try:
            super().__init__(*arguments, **named)
        except BaseException:
            self._end.cancel()
            raise

    def close(self) -> None:
        self._end.cancel()
        super().close()

    def _cut(self) -> None:
        connection = getattr(self, "sock", None)
        if connection is not None:
            with contextlib.suppress(OSError):  # below TLS: its own end would wait for the other side
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Plain(_Bounded):
    pass


class _OverTls(_Bounded, smtplib.SMTP_SSL):
    pass


@contextlib.contextmanager
def _closing(client: smtplib.SMTP) -> Iterator[None]:
    """Say good bye after success; whatever happens, close."""
    try:
        yield
        with contextlib.suppress(OSError, smtplib.SMTPException):
            client.quit()
    finally:
        client.close()


def _password(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o007:
                raise CannotSend(f"everybody may read {path}: chmod o= {path}")
            line = file.readline(_PASSWORD_LIMIT).decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        cause = problem.strerror if isinstance(problem, OSError) else "no text"
        raise CannotSend(f"the password in {path} cannot be read: {cause}") from problem
    if not line:
        raise CannotSend(f"there is no password in {path}")
    return Secret(line)


def _trusting(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as problem:
            raise CannotSend(f"the certificates in {ca} cannot be used") from problem
    return context


@contextlib.contextmanager
def _explained(whom: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as problem:
        raise CannotSend(f"{whom} cannot prove who it is: {problem.verify_message}") from problem
    except ssl.SSLError as problem:
        raise CannotSend(f"{whom}: TLS fails ({problem.reason or 'no reason'})") from problem
    except TimeoutError as problem:
        raise CannotSend(f"{whom} gives no answer in time") from problem
    except smtplib.SMTPRecipientsRefused as problem:
        for_good = all(code >= _FOR_GOOD for code, _ in problem.recipients.values())
        raise (Unwanted if for_good else CannotSend)(f"{whom} {_said(problem)}") from problem
    except smtplib.SMTPDataError as problem:  # such as 552: there is no room for it
        for_good = problem.smtp_code >= _FOR_GOOD
        raise (Unwanted if for_good else CannotSend)(f"{whom} {_said(problem)}") from problem
    except OSError as problem:  # smtplib's own errors are among them
        raise CannotSend(f"{whom} {_said(problem)}") from problem
    except ValueError as problem:
        raise CannotSend(f"{whom} says what nobody understands") from problem


def _said(problem: OSError) -> str:
    for kind, words in _WORDS:
        if isinstance(problem, kind):
            return words(problem)
    if isinstance(problem, socket.gaierror):
        return "is a name that cannot be resolved"
    return f"cannot be reached: {os.strerror(problem.errno or 0)}"


def _codes(problem: Any) -> str:
    return ", ".join(sorted({str(code) for code, _ in problem.recipients.values()}))


_WORDS: tuple[tuple[type[OSError], Callable[[Any], str]], ...] = (
    (smtplib.SMTPAuthenticationError, lambda problem: f"refuses login or password ({problem.smtp_code})"),
    (smtplib.SMTPRecipientsRefused, lambda problem: f"refuses every address ({_codes(problem)})"),
    (smtplib.SMTPResponseException, lambda problem: f"answers {problem.smtp_code}"),
    (smtplib.SMTPNotSupportedError, lambda _: "does not speak STARTTLS or AUTH"),
    (smtplib.SMTPServerDisconnected, lambda _: "ended the connection or was too slow"),
    (smtplib.SMTPException, lambda problem: f"gives no answer that fits ({type(problem).__name__})"),
)
