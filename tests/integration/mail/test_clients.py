"""Other people's mail programs, on every way in: swaks, curl, mutt and Python's own; what they send arrives whole."""

from __future__ import annotations

import re
import secrets
import smtplib
import subprocess
from collections.abc import Callable, Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.integration.mail.clients import FRED, FRIDA, connect
from tests.integration.mail.relay_matrix import DEVICE_SENDER, Place
from tests.integration.mail.relay_school import RelaySchool
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD

_BODY = "Grüße aus der 3a.\n.\n..und noch ein Punkt\n"
_ATTACHED = bytes(range(256)) * 40


def _run(argv: list[str], stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, input=stdin, env=environment or None, capture_output=True, text=True, timeout=40, check=False
    )


def _swaks(*more: str) -> Callable[[School, Path, str, str], subprocess.CompletedProcess[str]]:
    def send(school: School, folder: Path, token: str, recipient: str) -> subprocess.CompletedProcess[str]:
        (folder / "attached.bin").write_bytes(_ATTACHED)
        (folder / "body.txt").write_text(_BODY)
        listener = more[0]
        argv = ["swaks", "--server", "127.0.0.1", "--port", str(school.ports[listener]), *more[1:]]
        argv += ["--tls-ca-path", str(school.ca), "--tls-verify", "--from", FRED, "--to", recipient]
        argv += ["--auth-user", FRED, "--auth-password", PASSWORD, "--header", f"Subject: {token}"]
        argv += ["--attach-type", "text/plain; charset=utf-8", "--attach-body", f"@{folder}/body.txt"]
        argv += ["--attach-type", "application/octet-stream", "--attach", f"@{folder}/attached.bin"]
        return _run(argv)

    return send


def _curl(scheme: str, listener: str) -> Callable[[School, Path, str, str], subprocess.CompletedProcess[str]]:
    def send(school: School, folder: Path, token: str, recipient: str) -> subprocess.CompletedProcess[str]:
        (folder / "message").write_bytes(_letter(token, recipient).as_bytes(policy=policy.SMTP))
        argv = ["curl", "--config", "-", "--cacert", str(school.ca), "--ssl-reqd", "-sS", "-m", "30"]
        argv += [f"{scheme}://localhost:{school.ports[listener]}/pc12", "-T", str(folder / "message")]
        argv += ["--mail-from", FRED, "--mail-rcpt", recipient]
        return _run(argv, f'user = "{FRED}:{PASSWORD}"\n')

    return send


def _mutt(scheme: str, listener: str) -> Callable[[School, Path, str, str], subprocess.CompletedProcess[str]]:
    def send(school: School, folder: Path, token: str, recipient: str) -> subprocess.CompletedProcess[str]:
        (folder / "attached.bin").write_bytes(_ATTACHED)
        user = FRED.replace("@", "%40")
        (folder / "muttrc").write_text(
            f"set smtp_url = '{scheme}://{user}@localhost:{school.ports[listener]}/'\nset smtp_pass = '{PASSWORD}'\n"
            f"set from = '{FRED}'\nset use_envelope_from = yes\nset ssl_force_tls = yes\nset ssl_usesystemcerts = no\n"
            f"set certificate_file = '{school.ca}'\nset copy = no\nset send_charset = 'utf-8'\nset charset = 'utf-8'\n"
            f"set folder = '{folder}'\nset tmpdir = '{folder}'\nset record = ''\nset spoolfile = '/dev/null'\n"
        )
        argv = ["mutt", "-n", "-F", str(folder / "muttrc"), "-s", token, "-a", str(folder / "attached.bin")]
        return _run([*argv, "--", recipient], _BODY, HOME=str(folder), LC_ALL="C.UTF-8", TERM="dumb")

    return send


def _smtplib(listener: str) -> Callable[[School, Path, str, str], subprocess.CompletedProcess[str]]:
    def send(school: School, folder: Path, token: str, recipient: str) -> subprocess.CompletedProcess[str]:
        with connect(school, listener) as client:
            client.login("fred.mustermann", PASSWORD)
            try:
                client.send_message(_letter(token, recipient))
            except smtplib.SMTPRecipientsRefused as refused:
                code, text = refused.recipients[recipient]
                return subprocess.CompletedProcess([], 1, f"{code} {text.decode()}", "")
        return subprocess.CompletedProcess([], 0, "", "")

    return send


PROGRAMS: Mapping[str, Callable[[School, Path, str, str], subprocess.CompletedProcess[str]]] = {
    "swaks-587-plain": _swaks("submission", "--tls", "--auth", "PLAIN"),
    "swaks-587-login": _swaks("submission", "--tls", "--auth", "LOGIN"),
    "swaks-587-pipelining": _swaks("submission", "--tls", "--pipeline"),
    "swaks-465": _swaks("submissions", "--tlsc"),
    "swaks-25": _swaks("smtp", "--tls"),
    "curl-587": _curl("smtp", "submission"),
    "curl-465": _curl("smtps", "submissions"),
    "curl-25": _curl("smtp", "smtp"),
    "mutt-587": _mutt("smtp", "submission"),
    "mutt-465": _mutt("smtps", "submissions"),
    "mutt-25": _mutt("smtp", "smtp"),
    "smtplib-587": _smtplib("submission"),
    "smtplib-465": _smtplib("submissions"),
    "smtplib-25": _smtplib("smtp"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_sent_arrives_whole_and_tells_nothing_of_the_pc(school: School, tmp_path: Path, program: str) -> None:
    token, before = f"Wandertag {secrets.token_hex(6)}", set(school.boxes("frida.lehrer"))
    sent = PROGRAMS[program](school, tmp_path, token, FRIDA)
    assert sent.returncode == 0, sent.stdout + sent.stderr
    (path,) = set(school.boxes("frida.lehrer")) - before
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert (message["Subject"], message["From"]) == (token, f"Fred Mustermann <{FRED}>")
    text = message.get_body(("plain",))
    assert text is not None and text.get_content().replace("\r\n", "\n").strip() == _BODY.strip()
    assert [each.get_content() for each in message.iter_attachments() if each.get_filename()] == [_ATTACHED]
    (received,) = message.get_all("Received")
    assert re.match(r"by schule\.example with ESMTPSA id [0-9a-f]+;", received)
    assert not re.search(rb"127\.0\.0\.1|pc12", path.read_bytes())


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_refusal_is_shown_by_each(school: School, tmp_path: Path, program: str) -> None:
    """To the outside: nothing is sent, and the user reads why; curl shows the code alone, mutt the text."""
    before = school.boxes("frida.lehrer")
    sent = PROGRAMS[program](school, tmp_path, "Wandertag", "eltern@posteo.example")
    assert sent.returncode != 0
    assert re.search(r"550|Mail stays inside|Mail bleibt in", sent.stdout + sent.stderr), sent.stdout + sent.stderr
    assert school.boxes("frida.lehrer") == before


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("program", ["swaks", "curl"])
def test_a_device_needs_neither_sign_in_nor_tls(
    relay_school: RelaySchool, tmp_path: Path, program: str, tls: bool
) -> None:
    """As printers and scanners do; what they send to the outside is refused all the same."""
    (tmp_path / "scan.eml").write_bytes(f"From: {DEVICE_SENDER}\r\nSubject: Scan\r\n\r\nSeite 1\r\n".encode())
    port, ca = str(relay_school.ports["smtp"]), str(relay_school.ca)

    def send(recipient: str) -> subprocess.CompletedProcess[str]:
        if program == "swaks":
            argv = ["swaks", "--server", "127.0.0.1", "--port", port, "--li", Place.DEVICE.value, "--to", recipient]
            argv += ["--from", DEVICE_SENDER, "--data", f"@{tmp_path}/scan.eml"]
            return _run([*argv, *(["--tls", "--tls-ca-path", ca, "--tls-verify"] if tls else [])])
        argv = ["curl", "-sS", "-m", "30", "--interface", Place.DEVICE.value, f"smtp://127.0.0.1:{port}/scanner"]
        argv += ["-T", str(tmp_path / "scan.eml"), "--mail-from", DEVICE_SENDER, "--mail-rcpt", recipient]
        return _run([*argv, *(["--ssl-reqd", "--cacert", ca] if tls else [])])

    before, waited = set(relay_school.boxes("kurt.kunst")), relay_school.waiting()
    sent = send("kurt.kunst@schule.example")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    (path,) = set(relay_school.boxes("kurt.kunst")) - before
    stored = path.read_bytes()
    assert f"\r\nFrom: Kopierer <{DEVICE_SENDER}>\r\n".encode() in stored
    assert b"Seite 1" in stored and b"127.0." not in stored and b"scanner" not in stored
    assert re.search(rb"Received: by schule\.example with ESMTPS? id", stored)
    assert send("eltern@posteo.example").returncode != 0
    assert relay_school.waiting() == waited


@pytest.mark.parametrize("program", ["swaks", "curl", "mutt"])
def test_who_trusts_another_authority_sends_nothing(
    school: School, tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password goes to the school's server or to nobody (K06)."""
    before = school.log.read_text()
    monkeypatch.setattr(School, "ca", property(lambda self: Path("/dev/null")))
    sent = PROGRAMS[f"{program}-587" if program != "swaks" else "swaks-587-plain"](school, tmp_path, "x", FRIDA)
    assert sent.returncode != 0
    assert "sign-in" not in school.log.read_text().removeprefix(before)


def _letter(token: str, recipient: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = FRED, recipient, token
    made.set_content(_BODY)
    made.add_attachment(_ATTACHED, maintype="application", subtype="octet-stream", filename="attached.bin")
    return made
