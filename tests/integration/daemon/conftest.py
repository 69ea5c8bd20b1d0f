"""Starts real daemons as systemd would: sockets handed in, NOTIFY_SOCKET, WATCHDOG_USEC."""

import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).parent / "programs" / "greeter.py"
PYTHON = "/usr/bin/python3"
DEADLINE = 20.0
HAND_IN = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@pytest.fixture
def short():
    """A folder whose path is short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(name="wait_gone")
def give_wait_gone():
    """Give tests the function below."""
    return wait_gone


def wait_gone(pid, deadline=DEADLINE):
    """Wait until a process, a child of ours or not, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], deadline)[0], f"process {pid} is still there"
    finally:
        os.close(descriptor)


class Greeter:
    """One running greeter daemon and its listening socket, which outlives it."""

    def __init__(self, folder, kind="asyncio", workers=2, watchdog=4.0, drain=5.0, **environment):
        self.folder = folder
        self.kind = kind
        self.watchdog = watchdog
        self.drain = drain
        self.environment = environment
        self.set(greeting="hello", workers=str(workers))
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(str(folder / "notify"))
        self.said = []
        self.log = folder / "log"
        self.process = None

    def set(self, **values):
        for name, value in values.items():
            (self.folder / name).write_text(value + "\n")

    def start(self):
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": str(int(self.watchdog * 1e6)),
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "greet",
            "DRAIN": str(self.drain),
        } | self.environment
        number = self.listener.fileno()
        argv = [PYTHON, "-c", HAND_IN, str(number), str(PROGRAM), self.kind, "--settings", str(self.folder)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, env=environment, pass_fds=[number], stderr=log)
        return self

    def connect(self):
        connection = socket.create_connection(self.listener.getsockname(), timeout=DEADLINE)
        return connection, connection.makefile("r")

    def greet(self):
        """Return pid and greeting of the worker that answers; raise ConnectionResetError if it died meanwhile."""
        connection, lines = self.connect()
        with connection, lines:
            line = lines.readline()
        if not line:
            raise ConnectionResetError
        pid, greeting = line.split()
        return int(pid), greeting

    def wait_for(self, wanted, deadline=DEADLINE):
        """Wait for a notification that holds ``wanted``; return it."""
        end = time.monotonic() + deadline
        while True:
            self.notifications.settimeout(max(0.001, end - time.monotonic()))
            try:
                message = self.notifications.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(f"no {wanted!r} in {self.said[-10:]}; {self.log.read_text()}") from None
            self.said.append(message)
            if wanted in message:
                return message

    def workers(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children]

    def close(self):
        if self.process is not None:
            workers = self.workers() if self.process.poll() is None else []
            self.process.kill()
            self.process.wait(DEADLINE)
            for pid in workers:
                wait_gone(pid)
        self.listener.close()
        self.notifications.close()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


@pytest.fixture
def greeter(short):
    """Make a greeter daemon; it is ended with the test."""
    made = []

    def make(**options):
        made.append(Greeter(short, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
