"""The clients that everybody has, pointed at one demo: smtplib, imaplib, curl, swaks, the ``schoolserver`` command."""

import contextlib
import imaplib
import json
import re
import secrets
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.integration.demo.running import Account, RunningDemo

PATIENCE = 20.0
_CODE = re.compile(r"\(code ([0-9A-Z]{4}-[0-9A-Z]{4})\)")


class Clients:
    """What a user or a carer has in his hands."""

    def __init__(self, demo: RunningDemo) -> None:
        self.demo = demo
        self.tls = ssl.create_default_context(cafile=demo.contract["ca"])

    def smtp(self, account: Account | None = None, password: str | None = None) -> smtplib.SMTP:
        """A submission session under TLS, signed in as ``account``."""
        client = smtplib.SMTP(*self.demo.service("submission"), timeout=PATIENCE)
        try:
            client.starttls(context=self.tls)
            if account is not None:
                client.login(account.login, password or account.password)
        except BaseException:
            client.close()
            raise
        return client

    def imap(self, account: Account, password: str | None = None) -> imaplib.IMAP4:
        """An IMAP session under TLS, signed in, with the inbox open."""
        client = imaplib.IMAP4(*self.demo.service("imap"), timeout=PATIENCE)
        try:
            client.starttls(self.tls)
            client.login(account.login, password or account.password)
            client.select("INBOX")
        except BaseException:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                client.shutdown()
            raise
        return client

    def smtp_answer(self, account: Account, password: str | None = None) -> tuple[int, str]:
        """What submission says to a sign-in: (code, text)."""
        try:
            with self.smtp(account, password):
                return 235, "signed in"
        except smtplib.SMTPAuthenticationError as refusal:
            return refusal.smtp_code, refusal.smtp_error.decode()

    def imap_answer(self, account: Account, password: str | None = None) -> str:
        """What IMAP says to a sign-in: ``OK`` or the text of its NO."""
        try:
            with self.imap(account, password):
                return "OK"
        except imaplib.IMAP4.error as refusal:
            return refusal.args[0].decode() if isinstance(refusal.args[0], bytes) else str(refusal.args[0])

    def opens(self, account: Account, password: str | None = None) -> bool:
        """Whether both SMTP and IMAP let him in."""
        return self.smtp_answer(account, password)[0] == 235 and self.imap_answer(account, password) == "OK"

    def send(self, sender: Account, recipient: Account, letter: EmailMessage) -> None:
        with self.smtp(sender) as client:
            client.send_message(letter, sender.address, [recipient.address])

    def read(self, account: Account, token: str, *, delete: bool = True) -> list[bytes]:
        """The letters in the inbox with ``token`` in the subject."""
        with self.imap(account) as client:
            numbers = client.search(None, "SUBJECT", token)[1][0].split()
            bodies = [client.fetch(number, "(RFC822)")[1][0][1] for number in numbers]
            if delete and numbers:
                client.store(b",".join(numbers), "+FLAGS", "\\Deleted")
                client.expunge()
        return bodies

    def run(self, *argv: str, stdin: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
        """Run ``schoolserver ARGV`` against this demo."""
        environment = {**self.demo.environment, "SCHOOLSERVER_CONTROL": self.demo.contract["control"]}
        command = [sys.executable, "-m", "appliance", *argv]
        environment |= {"PYTHONPATH": str(self.demo.program)}
        return subprocess.run(
            command,
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=options.pop("cwd", self.demo.folder),
            **options,
        )

    def done(self, *argv: str, **options: Any) -> str:
        """What a command that must succeed writes to standard output."""
        ran = self.run(*argv, **options)
        assert ran.returncode == 0, f"schoolserver {' '.join(argv)}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def status(self) -> dict[str, Any]:
        """What ``schoolserver status --json`` says, whatever its exit code."""
        return json.loads(self.run("status", "--json").stdout or "{}")

    def healthy(self) -> bool:
        return bool(self.status().get("healthy"))

    def curl(self, *argv: str) -> subprocess.CompletedProcess[str]:
        command = ["curl", "--silent", "--show-error", "--max-time", "20", *argv]
        return subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)

    def control(self, verb: str, *argv: str) -> tuple[int, dict[str, Any]]:
        """POST to the control socket with curl: (HTTP status, last line of the answer)."""
        answer = self.curl(
            "--unix-socket", self.demo.contract["control"], "--write-out", "\n%{http_code}", *argv,
            f"http://localhost/v1/{verb}",
        )  # fmt: skip
        body, _, status = answer.stdout.rpartition("\n")
        lines = body.split("\n")
        return int(status), json.loads(next((line for line in reversed(lines) if line), "{}"))

    def mailbox(self, account: Account) -> Path:
        return Path(self.demo.contract["data"]) / "mail" / account.login


def letter(sender: Account, recipient: Account, subject: str = "", attachment: bytes = b"") -> EmailMessage:
    """A letter with an unguessable word in its subject, unless one is given."""
    made = EmailMessage()
    made["From"], made["To"] = sender.address, recipient.address
    made["Subject"] = subject or f"Hausaufgaben {secrets.token_hex(8)}"
    made.set_content("Liebe Grüße aus der Klasse.\n")
    if attachment:
        made.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="geheimnis.bin")
    return made


def refusal_code(text: str) -> str:
    """The short code at the end of a refusal."""
    found = _CODE.search(text)
    assert found, f"no code in {text!r}"
    return found[1]


def said_until_closed(connection: socket.socket | None, within: float) -> bytes:
    """What the server still says before it closes ``connection``, which it must do ``within`` so many seconds."""
    assert connection is not None
    deadline, said = time.monotonic() + within, b""
    while True:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            data = connection.recv(4096)
        except TimeoutError:
            raise AssertionError(f"still open after {within:g} s; said {said!r}") from None
        except (ConnectionResetError, ssl.SSLError):
            return said
        if not data:
            return said
        said += data


@contextlib.contextmanager
def closing(*clients: smtplib.SMTP | imaplib.IMAP4) -> Iterator[None]:
    """Give back the sockets of clients whose server hung up."""
    try:
        yield
    finally:
        for client in clients:
            with contextlib.suppress(OSError):
                client.sock.close()
