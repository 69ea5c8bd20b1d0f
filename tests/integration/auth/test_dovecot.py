"""The hook in a real Dovecot that asks the real service: what an IMAP client is told for each answer."""

from __future__ import annotations

import imaplib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.policy.account import Lock, Service
from tests.integration.auth.support import DEADLINE, FRED, GOOD, School, until
from tests.integration.support_ports import free_port
from tests.integration.support_slapd import ROOT

MAIL_ID = 60999
MODULE = Path("/usr/lib/dovecot/modules/auth/libauthdb_lua.so")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="Dovecot with users of its own is started by root"),
    pytest.mark.skipif(not MODULE.exists(), reason="dovecot-auth-lua is not installed"),
    pytest.mark.skipif(
        subprocess.run(["dovecot", "--version"], capture_output=True, text=True).stdout[:3] != "2.3",
        reason="the small configuration here is for Dovecot 2.3; the mail part tests the real ones",
    ),
]

CONFIG = """\
base_dir = {folder}/base
log_path = {folder}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:~/
passdb {{
  driver = lua
  args = file={folder}/auth.lua blocking=yes
}}
userdb {{
  driver = lua
  args = file={folder}/auth.lua blocking=yes
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


@contextmanager
def dovecot(school: School) -> Iterator[int]:
    """Run Dovecot below the school's folder; gives the port of its IMAP listener."""
    folder = school.runtime / "dovecot"
    mail = school.settings.server.data / "a mail store"
    for place in (folder, mail):
        place.mkdir(parents=True)
    os.chown(mail, MAIL_ID, MAIL_ID)
    for place in (school.runtime.parent, school.runtime, school.socket.parent, school.settings.server.data):
        place.chmod(0o755)
    (folder / "auth.lua").write_text(
        f'schoolserver = {{ socket = "{school.socket}", uid = {MAIL_ID}, gid = {MAIL_ID}, mail = "{mail}" }}\n'
        f'dofile("{ROOT}/appliance/auth/dovecot/auth.lua")\n'
    )
    port = free_port()
    config = folder / "dovecot.conf"
    config.write_text(CONFIG.format(folder=folder, port=port))
    process = subprocess.Popen(["dovecot", "-F", "-c", str(config)], stdin=subprocess.DEVNULL)
    try:
        until(True, lambda: listens(port))
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)
        shutil.rmtree(mail, ignore_errors=True)


def listens(port: int) -> bool:
    with socket.socket() as trial:
        trial.settimeout(1.0)
        return trial.connect_ex(("127.0.0.1", port)) == 0


def sign_in(port: int, login: str, password: str) -> str:
    """What the client is told: ``OK``, or the text of the refusal."""
    client = imaplib.IMAP4("127.0.0.1", port, timeout=DEADLINE)
    try:
        client.login(login, password)
        assert client.select()[0] == "OK"
        return "OK"
    except imaplib.IMAP4.error as error:
        return str(error)
    finally:
        client.logout()


def test_each_answer_as_an_imap_client_sees_it(school: School) -> None:
    with dovecot(school) as port:
        assert sign_in(port, FRED, GOOD) == "OK"
        assert sign_in(port, "Fred.Mustermann@schule.example", GOOD) == "OK"
        mailbox = school.settings.server.data / "a mail store" / FRED
        assert mailbox.stat().st_uid == MAIL_ID
        assert "AUTHENTICATIONFAILED" in sign_in(port, FRED, "wrong")
        assert "AUTHENTICATIONFAILED" in sign_in(port, FRED, 'wr"on\\g')
        assert "AUTHENTICATIONFAILED" in sign_in(port, "no.body", GOOD)

        school.publish(school.change(FRED, locks=(Lock(Service.MAIL, datetime(2020, 1, 1, tzinfo=UTC), None),)))
        until(True, lambda: "CONTACTADMIN" in sign_in(port, FRED, GOOD))
        assert "code " in sign_in(port, FRED, GOOD)
        assert "AUTHENTICATIONFAILED" in sign_in(port, FRED, "wrong")

        school.publish(school.change(FRED, locks=(), must_change=True))
        until(True, lambda: "EXPIRED" in sign_in(port, FRED, GOOD))


def test_the_hook_outlives_the_service_and_waits_for_the_directory(school: School) -> None:
    with dovecot(school) as port:
        assert sign_in(port, FRED, GOOD) == "OK"
        school.stop_auth(signal.SIGKILL)
        school.start_auth()
        assert sign_in(port, FRED, GOOD) == "OK"
        school.slapd.kill()
        assert "UNAVAILABLE" in sign_in(port, FRED, GOOD)
        school.slapd.start()
        until("OK", lambda: sign_in(port, FRED, GOOD))


def test_the_clients_address_reaches_the_throttle(school: School) -> None:
    with dovecot(school) as port:
        for _ in range(5):
            assert "AUTHENTICATIONFAILED" in sign_in(port, FRED, "wrong")
        assert "UNAVAILABLE" in sign_in(port, FRED, GOOD)
        assert {event.fields["address"] for event in school.events(5)} == {"127.0.0.1"}
        until("OK", lambda: sign_in(port, FRED, GOOD))
