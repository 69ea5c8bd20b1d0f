"""The demo's proof: one real exchange per service, with the clients that everybody has.

May live here: what is exchanged and what must come back. May not: how a line is printed.
"""

from __future__ import annotations

import http.client
import imaplib
import smtplib
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from appliance.demo import proof_autoconfig, proof_backup, proof_files, proof_mail, proof_web
from appliance.demo.accounts import DemoAccount
from appliance.demo.proof_mail import submission
from appliance.settings.load import Settings
from appliance.supervisor.client import ControlClient, ServerRefused, ServerUnreachable

_PATIENCE = 10.0
"""Seconds that one exchange may take."""
_AT_ONCE = 2.0
"""Seconds within which a lock acts everywhere, and its end too (K18)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One exchange: what was tried, whether what must come back came, what came."""

    name: str
    passed: bool
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class School:
    """What the exchanges need: the running server, its settings, two people of one class, the CA's certificate."""

    settings: Settings
    client: ControlClient
    pupil: DemoAccount
    teacher: DemoAccount
    ca: Path

    def address(self, login: str) -> str:
        """The mail address of ``login`` (K01)."""
        return f"{login}@{self.settings.school.domain}"


Exchange = Callable[[School], tuple[bool, str]]
"""Uses one service; gives whether what must come back came, and what came."""


def prove(school: School) -> Iterator[Proof]:
    """Run every exchange, each on its own: one that fails does not hide the next. Copies are made beside the others."""
    with ThreadPoolExecutor(1) as beside:
        copies = [
            beside.submit(_proof, school, *one) for one in proof_backup.EXCHANGES if school.settings.backup.target
        ]
        for name, exchange in _EXCHANGES:
            yield _proof(school, name, exchange)
        for copy in copies:
            yield copy.result()


def _proof(school: School, name: str, exchange: Exchange) -> Proof:
    began = time.monotonic()
    try:
        passed, detail = exchange(school)
    except (
        OSError,
        ServerRefused,
        ServerUnreachable,
        http.client.HTTPException,
        smtplib.SMTPException,
        imaplib.IMAP4.error,
        subprocess.SubprocessError,
    ) as error:
        passed, detail = False, f"{type(error).__name__}: {error}"
    return Proof(name, passed, detail, time.monotonic() - began)


def password_is_right(school: Settings, ca: Path, login: str, password: str) -> bool:
    """Whether SMTP takes the password, or denies for another reason than 5.7.8 (RFC 4954, section 6)."""
    listen = school.network.listen["submission"]
    with smtplib.SMTP(str(listen.host), listen.port, timeout=_PATIENCE) as smtp:
        smtp.starttls(context=ssl.create_default_context(cafile=str(ca)))
        try:
            smtp.login(login, password)
        except smtplib.SMTPAuthenticationError as refusal:
            return "5.7.8" not in str(refusal.smtp_error)
    return True


def _directory(school: School) -> tuple[bool, str]:
    """The pupil binds over the loopback port and is told who he is (RFC 4532)."""
    listen = school.settings.network.listen["ldap"]
    name = f"uid={school.pupil.login},ou=people,{school.settings.directory.base}"
    with tempfile.NamedTemporaryFile("w", prefix="ss-") as secret:
        secret.write(school.pupil.password)
        secret.flush()
        argv = ["ldapwhoami", "-x", "-H", f"ldap://{listen.host}:{listen.port}", "-D", name, "-y", secret.name]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    return done.returncode == 0 and done.stdout.strip() == f"dn:{name}", (done.stdout or done.stderr).strip()


def _lock(school: School) -> tuple[bool, str]:
    """A lock ends the open session within two seconds and refuses the next sign-in; unlocked, it works again (K18)."""
    with submission(school) as smtp:
        smtp.login(school.pupil.login, school.pupil.password)
        began = time.monotonic()
        school.client.call("users.lock", {"login": school.pupil.login, "reason": "the demo proves a lock"})
        try:
            smtp.sock.settimeout(_PATIENCE)  # type: ignore[union-attr]  # smtplib types its socket as optional
            code, _text = smtp.getreply()
            took = time.monotonic() - began
            with submission(school) as again:
                try:
                    again.login(school.pupil.login, school.pupil.password)
                    return False, "signed in although locked"
                except smtplib.SMTPAuthenticationError as refusal:
                    refused = refusal.smtp_code
        finally:
            school.client.call("users.unlock", {"login": school.pupil.login})
    unlocked = _signs_in_within(school, _AT_ONCE)
    good = code == 421 and took < _AT_ONCE and unlocked
    return (
        good,
        f"open session ended with {code} after {took:.1f} s, next sign-in {refused}, unlocked again: {unlocked}",
    )


def _signs_in_within(school: School, seconds: float) -> bool:
    """Whether the pupil can sign in again before ``seconds`` have passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with submission(school) as smtp:
            try:
                smtp.login(school.pupil.login, school.pupil.password)
                return True
            except smtplib.SMTPAuthenticationError:
                continue
    return False


_EXCHANGES: tuple[tuple[str, Exchange], ...] = (
    ("directory: a pupil binds", _directory),
    *proof_mail.EXCHANGES,
    *proof_autoconfig.EXCHANGES,
    ("lock: everywhere at once", _lock),
    *proof_web.EXCHANGES,
    *proof_files.EXCHANGES,
)
