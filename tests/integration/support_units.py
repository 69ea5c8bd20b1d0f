"""The real process under the real launcher, alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from appliance.supervisor.launcher.client import ChildrenClient

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = """
import sys
from dataclasses import replace
from pathlib import Path
from appliance.settings.load import load
from appliance.supervisor.launcher.children import ChildLauncher
from appliance.supervisor.launcher.seam import State
from appliance.supervisor.launcher.units import school_units
settings = load(Path(sys.argv[1]))
units = [replace(unit, after=()) for unit in school_units(settings) if unit.name in sys.argv[2:]]
def say(states):
    print(" ".join(f"{one.name}={one.state}={one.pid}={one.status}" for one in states), flush=True)
launcher = ChildLauncher(settings, units, say)
launcher.start()
launcher.run()
"""


class Place:
    """Settings and a launcher over the named units."""

    def __init__(self, identity):
        self.folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.runtime, self.state, self.data = (self.folder / name for name in ("run", "var", "srv"))
        etc = self.folder / "etc"
        etc.mkdir()
        text = f"runtime: {self.runtime}\nstate: {self.state}\ndata: {self.data}\n"
        etc.joinpath("server.yaml").write_text(
            f"{text}identity: {identity}\nlauncher: children\naudit_log: plain\nwatchdog: 10 s\n"
        )
        self.process = None

    def start(self, *names):
        argv = [sys.executable, "-c", LAUNCH, str(self.folder / "etc"), *names]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
        return self.until(lambda line: line.count("=ready=") == len(names))

    def until(self, true):
        for line in self.process.stdout:
            if true(line):
                return line
        raise AssertionError(f"the launcher ended; {self.logs()}")

    def logs(self):
        return {path.name: path.read_text() for path in self.folder.glob("var/log/*.log")}

    def _state(self, name):
        states = ChildrenClient(self.runtime / "launcher" / "launcher.sock").states()
        return next(one for one in states if one.name == name)

    def pid_of(self, name):
        return self._state(name).pid

    def status_of(self, name):
        return self._state(name).status

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=30)
            assert self.process.returncode == 0
            self.process = None

    def close(self):
        try:
            self.stop()
        finally:
            if self.process is not None:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.folder)


@pytest.fixture
def identity():
    return "numbers" if os.geteuid() == 0 else "same"


@pytest.fixture
def place(identity):
    made = Place(identity)
    yield made
    made.close()
