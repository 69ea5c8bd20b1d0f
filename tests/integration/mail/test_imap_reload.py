"""Dovecot is told to go by changed settings and certificates, as ``systemctl reload schoolserver-imap`` does it."""

from __future__ import annotations

import imaplib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.daemon.authority import issue
from tests.integration.demo.waiting import eventually
from tests.integration.mail.clients import connect_imap
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD

ROOT = Path(__file__).resolve().parents[3]


def reload(school: School, notify: Path | None = None) -> tuple[int, str]:
    argv = [sys.executable, "-P", "-m", "appliance.mail.imap.reload", "--settings", str(school.settings.folder)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    if notify is not None:
        environment["NOTIFY_SOCKET"] = str(notify)
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def certificate(school: School) -> bytes:
    """What a mail program sees now; nothing while Dovecot changes over."""
    try:
        with imaplib.IMAP4("127.0.0.1", school.ports["imap"], timeout=20) as client:
            client.starttls(school.context)
            shown: bytes = client.sock.getpeercert(binary_form=True)
            return shown
    except (OSError, imaplib.IMAP4.error, ssl.SSLError):
        return b""


@pytest.fixture
def restored(school: School) -> Iterator[Path]:
    """The folder of the settings; what a test writes there is gone afterwards."""
    folder = school.settings.folder
    before = {path: path.read_bytes() for path in folder.iterdir()}
    yield folder
    for path in folder.iterdir():
        if path in before:
            path.write_bytes(before[path])
        else:
            path.unlink()
    assert reload(school) == (0, "")
    eventually(lambda: certificate(school) != b"")


def test_a_new_certificate_is_shown_and_sessions_live_on(school: School, frida: imaplib.IMAP4) -> None:
    before = certificate(school)
    folder = school.settings.server.state / "imap" / "tls"
    issue(school.authority, folder, ["localhost", "127.0.0.1", "imap.schule.example"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = school.settings.server.runtime / "notify-reload"
        notify.bind(str(path))
        notify.setblocking(False)
        assert reload(school, path) == (0, "")
        assert notify.recv(4096).startswith(b"RELOADING=1")
        path.unlink()
    eventually(lambda: certificate(school) not in (before, b""))
    assert frida.noop()[0] == "OK"
    assert frida.select("INBOX")[0] == "OK"


def test_afterwards_it_does_not_name_the_machine_either(school: School) -> None:
    assert reload(school) == (0, "")
    eventually(lambda: certificate(school) != b"")
    place = school.settings.server.runtime / "auth" / "auth.sock"
    school.auth.stop()
    place.rename(place.with_name("aside"))
    try:
        eventually(lambda: "[schoolserver:" in _said(school))
    finally:
        place.with_name("aside").rename(place)
        school.auth.start()
    assert eventually(lambda: _said(school) == "")


def _said(school: School) -> str:
    """What refuses a sign-in; nothing when it does not."""
    try:
        client = connect_imap(school)
        client.login("ada.admin", PASSWORD)
        client.logout()
    except (OSError, imaplib.IMAP4.error) as error:
        return str(error)
    return ""


def test_a_changed_number_of_folders_counts_at_once(school: School, restored: Path) -> None:
    """For who signs in then; with Dovecot 2.3 for open sessions too."""
    settings = restored / "mail.yaml"
    assert "mailboxes_max: 30\n" in settings.read_text()
    settings.write_text(settings.read_text().replace("mailboxes_max: 30\n", "mailboxes_max: 12\n"))
    names = [f"few{number}" for number in range(12)]
    client = connect_imap(school)
    client.login("ada.admin", PASSWORD)
    try:
        for name in names:
            status, said = client.create(name)
            assert status == "OK", said
        assert reload(school) == (0, "")
        eventually(lambda: _refuses_a_folder(school))
    finally:
        for name in names:
            client.delete(name)
        client.logout()


def _refuses_a_folder(school: School) -> bool:
    try:
        client = connect_imap(school)
        client.login("ada.admin", PASSWORD)
        status = client.create("one-more")[0]
        client.delete("one-more")
        client.logout()
    except (OSError, imaplib.IMAP4.error):  # while Dovecot changes over
        return False
    return status == "NO"


def test_changed_limits_are_in_dovecots_file(school: School, restored: Path) -> None:
    conf = school.settings.server.state / "imap" / "dovecot.conf"
    before = conf.read_text()
    restored.joinpath("access.yaml").write_text("limits:\n  upload: 1 MiB\n")
    code, said = reload(school)
    assert (code, said) == (0, ""), said
    assert conf.read_text() != before


def test_wrong_settings_are_told_and_nothing_changes(school: School, restored: Path, frida: imaplib.IMAP4) -> None:
    conf = school.settings.server.state / "imap" / "dovecot.conf"
    before = conf.read_text()
    restored.joinpath("mail.yaml").write_text("idle_timeout: soon\n")
    code, said = reload(school)
    assert code == 1
    assert "mail.yaml:1" in said
    assert conf.read_text() == before
    assert frida.noop()[0] == "OK"


def test_another_address_is_said_to_need_a_restart(school: School, restored: Path) -> None:
    conf = school.settings.server.state / "imap" / "dovecot.conf"
    before = conf.read_text()
    restored.joinpath("network.yaml").write_text("listen:\n  imap: 127.0.0.1:1143\n")
    code, said = reload(school)
    assert code == 1
    assert "needs a new socket" in said
    assert conf.read_text() == before
