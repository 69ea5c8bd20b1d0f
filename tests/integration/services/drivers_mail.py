"""Handing in mail (SMTP) and reading it (IMAP), with the standard library's clients.

The limit of mail is that of a whole message: what base64 and a text may take is added to that of the file (K12). So
the largest attachment that passes is a little larger than the limit, and ``edge`` finds it.
"""

import contextlib
import imaplib
import re
import secrets
import smtplib
import socket
import ssl
import time
from typing import ClassVar

from appliance.policy.account import Service
from appliance.policy.limits import encoded_size
from tests.integration.services.driver import CODE, PATIENCE, Direction, Outcome
from tests.integration.support_place import DOMAIN
from tests.integration.support_school import School

_LINE = b"QUJD" * 19 + b"\r\n"
_OF_A_LINE = 57  # bytes of the file
_TAKEN_IN = 4096  # what Dovecot allows beyond: lines that we write into the head of what we take in


def letter(address: str, size: int) -> bytes:
    """A whole message to oneself with an attachment of ``size`` bytes, as it goes over the wire."""
    head = (
        f"From: {address}\r\nTo: {address}\r\nSubject: Hausaufgaben {secrets.token_hex(8)}\r\nMIME-Version: 1.0\r\n"
        "Content-Type: application/octet-stream; name=geheimnis.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    lines, rest = divmod(size, _OF_A_LINE)
    return head + _LINE * lines + (b"QUJD" * -(-rest // 3) + b"\r\n" if rest else b"")


def largest_attachment(address: str, allowed: int) -> int:
    """The largest file with which a message has at most ``allowed`` bytes."""
    spare = allowed - len(letter(address, 0))
    size = (spare // len(_LINE) + 1) * _OF_A_LINE
    while encoded_size(size) > spare:
        size -= 1
    return size


class _MailDriver:
    service = Service.MAIL

    def __init__(self, school: School, address: str = "127.0.0.1") -> None:
        self._school = school
        self._from = address
        self._login = ""
        self._tls = ssl.create_default_context(cafile=str(school.ca))

    @property
    def _address(self) -> str:
        return f"{self._login}@{DOMAIN}"

    def _allowed(self, limit: int) -> int:
        return encoded_size(limit) + self._school.settings.access.limits.message_overhead


class Submission(_MailDriver):
    """A mail program that sends: to oneself, so that the quota is one's own. Nothing comes down this way."""

    name = "submission"
    at_once: ClassVar = False
    replies: ClassVar = {
        Outcome.SIGNED_IN: r"235 2\.7\.0 .*",
        Outcome.WRONG: r"535 5\.7\.8 Login or password are wrong\.",
        Outcome.MUST_CHANGE: rf"535 5\.7\.12 .*{CODE}",
        Outcome.LOCKED: rf"535 5\.7\.13 .*{CODE}",
        Outcome.NOT_OPEN: rf"535 5\.7\.1 Mail is not open .*{CODE}",
        Outcome.NO_CONSENT: rf"535 5\.7\.1 Mail needs a consent .*{CODE}",
        Outcome.TRY_LATER: r"454 4\.7\.0 .*",
        Outcome.PASSED: r"250 2\.0\.0 .*",
        Outcome.TOO_LARGE: rf"552 5\.3\.4 .*{CODE}",
        Outcome.OVER_QUOTA: rf"(452 4|552 5)\.2\.2 .*{CODE}",
        Outcome.ENDED_LOCKED: rf"421 4\.7\.0 This account is locked.*{CODE}",
        Outcome.ENDED_CHANGED: rf"421 4\.7\.0 (Please set a password .*{CODE}|The password was changed.*)",
    }
    recorded: ClassVar = {Direction.UP: "mail-accepted"}

    def sign_in(self, login: str, password: str) -> str:
        self._login = login
        (host, port), own = self._school.address(self.name), (self._from, 0)
        if self.at_once:
            self._client: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, timeout=PATIENCE, source_address=own, context=self._tls
            )
        else:
            self._client = smtplib.SMTP(host, port, timeout=PATIENCE, source_address=own)
            self._client.starttls(context=self._tls)
        self._client.ehlo()
        self._client.user, self._client.password = login, password
        try:  # login() would try the next mechanism, and so the password again
            return _line(*self._client.auth("PLAIN", self._client.auth_plain))
        except smtplib.SMTPAuthenticationError as refusal:
            return _line(refusal.smtp_code, refusal.smtp_error)

    def move(self, direction: Direction, size: int) -> str:
        assert direction is Direction.UP
        message = letter(self._address, size)
        self._client.rset()
        for command in (f"MAIL FROM:<{self._address}> SIZE={len(message)}", f"RCPT TO:<{self._address}>"):
            code, text = self._client.docmd(command)
            if code != 250:
                return _line(code, text)
        try:
            return _line(*self._client.data(message))
        except smtplib.SMTPDataError as refusal:
            return _line(refusal.smtp_code, refusal.smtp_error)

    def edge(self, limit: int, direction: Direction) -> int | None:
        return largest_attachment(self._address, self._allowed(limit))

    def open(self) -> bool:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            return self._client.noop()[0] == 250
        return False

    def last_words(self, within: float) -> str:
        self._client.sock.settimeout(within)
        words = _line(*self._client.getreply())
        assert self._client.sock is None or self._client.sock.recv(1) == b""
        return words

    def close(self) -> None:
        self._client.close()


class Submissions(Submission):
    """The same with TLS from the first byte (RFC 8314)."""

    name = "submissions"
    at_once = True


class Smtp(Submission):
    """The same on the port of the devices: who signs in there is a person like everywhere."""

    name = "smtp"


def _line(code: int, text: bytes) -> str:
    return f"{code} {text.decode('ascii')}"


class _Client(imaplib.IMAP4):
    """The library's client, coming from an address; with ``tls`` from the first byte if it is given."""

    def __init__(self, host: str, port: int, address: str, tls: ssl.SSLContext | None = None) -> None:
        self._from, self._at_once = address, tls
        super().__init__(host, port, timeout=PATIENCE)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        line = socket.create_connection((self.host, self.port), timeout, (self._from, 0))
        return line if self._at_once is None else self._at_once.wrap_socket(line, server_hostname=self.host)


class Imap(_MailDriver):
    """A mail program that reads, and puts what it sent or drafted into the box.

    Dovecot says why in words of its own: whatever is not open to somebody is one reply.
    """

    name = "imap"
    _DENIED = r"NO \[CONTACTADMIN\] Not open to this account, code [0-9A-Z]{4}-[0-9A-Z]{4}"
    replies: ClassVar = {
        Outcome.SIGNED_IN: r"OK .*",
        Outcome.WRONG: r"NO \[AUTHENTICATIONFAILED\] Authentication failed\.",
        Outcome.MUST_CHANGE: r"NO \[EXPIRED\] .*",
        Outcome.LOCKED: _DENIED,
        Outcome.NOT_OPEN: _DENIED,
        Outcome.NO_CONSENT: _DENIED,
        Outcome.TRY_LATER: r"NO \[UNAVAILABLE\] .*",
        Outcome.PASSED: r"OK .*",
        Outcome.TOO_LARGE: r"NO .*larger than the maximum size.*",
        Outcome.OVER_QUOTA: r"NO \[OVERQUOTA\] .*",
        Outcome.ENDED_LOCKED: r"\* BYE .*",
        Outcome.ENDED_CHANGED: r"\* BYE .*",
    }
    recorded: ClassVar = {Direction.UP: None, Direction.DOWN: None}

    def sign_in(self, login: str, password: str) -> str:
        self._login = login
        self._connect()
        try:
            status, data = self._client.login(login, password)
            self._client.select("INBOX")
        except imaplib.IMAP4.error as refusal:
            return f"NO {_text(refusal.args[0])}"
        return f"{status} {_text(data[0])}"

    def _connect(self) -> None:
        self._client = _Client(*self._school.address("imap"), self._from)
        self._client.starttls(self._tls)

    def move(self, direction: Direction, size: int) -> str:
        message = letter(self._address, size)
        if direction is Direction.UP:
            status, data = self._client.append("INBOX", "", None, message)
            return f"{status} {_text(data[0])}"
        name = f"{int(time.time())}.{secrets.token_hex(8)}.suite:2,"
        path = self._school.put(self._school.mailbox(self._login) / "cur" / name, message)
        self._client.noop()
        status, data = self._client.fetch("*", "(BODY.PEEK[])")
        path.unlink()
        self._client.noop()
        same = status == "OK" and data[0][1] == message
        return f"{status} the same" if same else f"{status} not the same"

    def edge(self, limit: int, direction: Direction) -> int | None:
        """What lies in a box has passed the limit when it was put there."""
        if direction is Direction.DOWN:
            return None
        return largest_attachment(self._address, self._allowed(limit) + _TAKEN_IN)

    def open(self) -> bool:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            return self._client.noop()[0] == "OK"
        return False

    def last_words(self, within: float) -> str:
        self._client.sock.settimeout(within)
        words = [re.sub(r"\r\n\Z", "", line.decode()) for line in iter(self._client.readline, b"")]
        return "\n".join(words)

    def close(self) -> None:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            self._client.shutdown()


class Imaps(Imap):
    """The same with TLS from the first byte (RFC 8314)."""

    name = "imaps"

    def _connect(self) -> None:
        self._client = _Client(*self._school.address("imaps"), self._from, self._tls)


def _text(said: bytes | str) -> str:
    return said.decode() if isinstance(said, bytes) else said
