"""A machine in a folder of its own, and setup run on it as a real process."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from appliance.supervisor.client import ControlClient
from tests.integration.setup.machine import ROOT, Machine

ANSWERS = """\
school: Schule am See
domain: see.example
networks: [10.1.0.0/16]
rooms: {'12': [10.1.12.0/24]}
names: [mail.see.example, 10.1.0.2]
backup: schoolbackup-am-see@backup.example
"""


class Installed(Machine):
    """A machine on which the packages are installed, and nothing else yet."""

    def __init__(self):
        super().__init__(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        self.top.chmod(0o755)
        self.install()
        self.answers = self.top / "answers.yaml"
        self.answers.write_text(ANSWERS)

    def run(self, *arguments, cut=(), broken=(), words=None):
        program = Path(__file__).with_name("machine.py")
        ends = [("--cut", *map(str, cut)) if cut else (), ("--break", *map(str, broken)) if broken else ()]
        argv = [sys.executable, str(program), str(self.top), *ends[0], *ends[1], "--"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SUDO_USER": ""}
        return subprocess.run(
            [*argv, *map(str, arguments)],
            env=environment,
            input=words or "",
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def answered(self, *arguments, **options):
        return self.run("--answers", self.answers, *arguments, **options)

    def tree(self):
        """Everything there is, with its content: to compare two moments."""
        return {
            str(path.relative_to(self.top)): path.read_bytes()
            for path in self.top.rglob("*")
            if path.is_file() and path.name not in {"log", "answers.yaml"}
        }

    def log_lines(self):
        log = self.top / "log"
        return log.read_text().splitlines() if log.exists() else []

    def boot_with_server(self):
        (self.top / "with-server").touch()

    def control(self):
        return ControlClient(self.top / "run" / "control" / "control.sock")

    def end(self):
        """End the server, if there is one, and take everything away."""
        pid = self.top / "pid"
        if pid.exists():
            subprocess.run(["kill", "-TERM", pid.read_text()], check=False, capture_output=True)
            handle = os.pidfd_open(int(pid.read_text())) if Path(f"/proc/{pid.read_text()}").exists() else None
            if handle is not None:
                import select

                select.select([handle], [], [], 30)
                os.close(handle)
        shutil.rmtree(self.top)


@pytest.fixture
def machine():
    made = Installed()
    yield made
    made.end()
