"""A real Dovecot gets a new file, keeps the old one when the new one is wrong, and loses a session."""

import imaplib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from appliance.daemon.engine import EngineRefused
from appliance.privileged.engines import Dovecot
from tests.integration.support_ports import free_port


def _version():
    found = shutil.which("dovecot", path="/usr/sbin:/usr/bin")
    return subprocess.run([found, "--version"], capture_output=True, text=True).stdout if found else ""


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="Dovecot starts as root"),
    pytest.mark.skipif(not _version().startswith("2.3"), reason="the file below is in the language of Dovecot 2.3"),
]

CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/base
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
login_greeting = {greeting}
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={folder}/mail/%u
}}
first_valid_uid = 1
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


class Running:
    """Dovecot in the foreground."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.folder.joinpath("mail").mkdir(mode=0o777)
        os.chown(self.folder / "mail", 65534, 65534)
        self.port = free_port()
        self.path = self.folder / "dovecot.conf"
        self.path.write_text(self.text("first"))
        self.process = None

    def text(self, greeting):
        return CONFIG.format(folder=self.folder, port=self.port, greeting=greeting)

    def start(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(str(self.folder / "notify"))
            self.process = subprocess.Popen(
                ["/usr/sbin/dovecot", "-F", "-c", str(self.path)],
                env={"NOTIFY_SOCKET": str(self.folder / "notify"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                stderr=subprocess.DEVNULL,
            )
            ready.settimeout(20)
            while b"READY=1" not in ready.recv(4096):
                pass
        return self

    def greeting(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            return connection.recv(4096)

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        shutil.rmtree(self.folder)


@pytest.fixture
def engine():
    made = Running()
    yield made
    made.close()


def test_a_session_is_ended(engine):
    engine.start()
    dovecot = Dovecot(engine.path)
    assert dovecot.kick("fred.mustermann") is False
    client = imaplib.IMAP4("127.0.0.1", engine.port, timeout=10)
    client.login("fred.mustermann", "secret")
    assert dovecot.kick("fred.muster") is False
    assert client.noop()[0] == "OK"
    assert dovecot.kick("fred.mustermann") is True
    assert select.select([client.sock], [], [], 10)[0]
    with pytest.raises((imaplib.IMAP4.abort, OSError)):
        client.noop()
        client.noop()


def test_a_new_file_is_read(engine):
    engine.start()
    dovecot = Dovecot(engine.path)
    assert b"first" in engine.greeting()
    assert dovecot.install(engine.text("first")) is False
    assert dovecot.install(engine.text("second")) is True
    assert any(b"second" in engine.greeting() for _ in range(2000))


def test_a_wrong_file_leaves_the_former_one(engine):
    engine.start()
    with pytest.raises(EngineRefused) as caught:
        Dovecot(engine.path).install(engine.text("second") + "no_such_setting = yes\n")
    assert "no_such_setting" in caught.value.output
    assert engine.path.read_text() == engine.text("first")
    assert b"first" in engine.greeting()


def test_without_an_engine_to_read_it_the_former_file_comes_back(engine):
    with pytest.raises(EngineRefused, match="the former one is back"):
        Dovecot(engine.path).install(engine.text("second"))
    assert engine.path.read_text() == engine.text("first")
