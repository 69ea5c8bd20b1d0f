"""A school's folders and a second place with a real sshd; no other part of the server runs."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from appliance.backup.intent import own_folder
from appliance.backup.run import copy
from appliance.demo import sshd
from appliance.settings.load import load
from tests.integration.support_place import AS_ROOT, ROOT
from tests.integration.support_ports import free_port

UID = 20001 if AS_ROOT else os.geteuid()
LONG_AGO = 1_600_000_000


class School:
    """Settings, homes, a database, and the second place once it was entered."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.data, self.state = self.folder / "srv", self.folder / "var"
        for one in ("homes", "groups", "mail"):
            (self.data / one).mkdir(parents=True)
        self.state.mkdir()
        self.etc = self.folder / "etc"
        self.etc.mkdir()
        self.etc.joinpath("server.yaml").write_text(
            f"state: {self.state}\nruntime: {self.folder}/run\ndata: {self.data}\nlauncher: children\n"
            f"identity: {'numbers' if AS_ROOT else 'same'}\n"
        )
        self.configure()
        self.copies = None
        self._ends = contextlib.ExitStack()

    def configure(self, **more):
        wanted = {**sshd.settings_for(self.port), **more}
        self.etc.joinpath("backup.yaml").write_text("".join(f"{name}: {value}\n" for name, value in wanted.items()))
        self.settings = load(self.etc)

    def start(self):
        self.copies = self._ends.enter_context(sshd.second_place(self.folder, self.settings, ROOT))

    def stop(self):
        self._ends.close()

    def home(self, login="fred.mustermann", uid=UID):
        home = self.data / "homes" / login
        home.mkdir(mode=0o700)
        self.own(home, uid)
        return home

    def own(self, path, uid=UID):
        if AS_ROOT:
            os.chown(path, uid, uid, follow_symlinks=False)

    def put(self, path, content=b"mine", mode=0o640, uid=UID):
        for folder in reversed([one for one in path.parents if not one.exists()]):
            folder.mkdir(mode=0o700)
            self.own(folder, uid)
        path.write_bytes(content)
        path.chmod(mode)
        self.own(path, uid)
        os.utime(path, (LONG_AGO, LONG_AGO))
        return path

    def copy(self):
        """Make a copy; its folder in the second place."""
        return self.copies / copy(self.settings, lambda *_: None)["snapshot"]

    @property
    def own_folder(self):
        return own_folder(self.settings).folder

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture
def bare():
    """A school whose second place does not run yet."""
    made = School()
    yield made
    made.close()


@pytest.fixture
def school(bare):
    bare.start()
    return bare
