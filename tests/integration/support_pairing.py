"""A backup server that waits to be paired on the loopback, with a person whose answers come through a pipe."""

import contextlib
import io
import os
import re
import socket
import subprocess
import threading
from pathlib import Path

from appliance.backup_server import enroll
from appliance.backup_server.pair import NotPaired, Terminal
from appliance.backup_server.pair import pair as pair_place
from appliance.backup_server.pairing import PlaceValues
from appliance.backup_server.settings import Settings

CODE = re.compile(r"\d{4} \d{4}")


def new_key(folder: Path, name: str) -> str:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text().strip()


class Screen(io.StringIO):
    """What is shown, and an event once there is a code."""

    def __init__(self):
        super().__init__()
        self.shown = threading.Event()

    def write(self, text):
        written = super().write(text)
        if CODE.search(self.getvalue()):
            self.shown.set()
        return written

    def code(self):
        assert self.shown.wait(30)
        return CODE.search(self.getvalue())[0].replace(" ", "")


class BackupServer:
    """Waits from now on, with a folder of its own."""

    def __init__(self, folder):
        self.places = enroll.Places(Settings(folder / "copies"), folder / "homes", accounts=False)
        self.values = PlaceValues("schoolbackup-am-see", new_key(folder, "host"), 22)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.screen, self.problem, self.hinder = Screen(), None, None
        self.answers, self.person = os.pipe()
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self):
        try:
            pair_place(self.socket, self.values, Terminal(self.answers, self.screen), self._keep)
        except (NotPaired, OSError) as problem:
            self.problem = problem

    def _keep(self, keys):
        if self.hinder:
            raise self.hinder
        enroll.enroll(self.places, "am-see", keys)

    def say(self, text):
        os.write(self.person, f"{text}\n".encode())

    def ended(self):
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.problem

    def nothing_kept(self):
        return not self.places.homes.exists() and not self.places.settings.folder.exists()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # no more waiting
        self.thread.join(60)
        self.socket.close()
        for descriptor in (self.answers, self.person):
            os.close(descriptor)


@contextlib.contextmanager
def waiting(folder):
    """A backup server; its person says no at the end, if anything is still asked."""
    made = BackupServer(folder)
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):
            made.say("n")
        made.close()
