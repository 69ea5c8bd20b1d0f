"""A school's folders and a second place with a real sshd; no other part of the server runs."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from appliance.backup.intent import own_folder
from appliance.backup.pair import trust
from appliance.backup.run import copy, listing
from appliance.backup.sign import verified
from appliance.backup_server.lines import line_of_stored
from appliance.backup_server.manifest import Index, Section, path_of
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
        """Make a backup; the folder of its snapshot."""
        return self.copies / copy(self.settings, lambda *_: None)["snapshot"]

    def names(self):
        """The snapshots in the second place, oldest first."""
        return [one["name"] for one in listing(self.settings)["snapshots"]]

    def check(self, snapshot):
        """That a snapshot holds just what its signed manifest promises, every file read: its paths by part and unit."""
        folder = self.copies / snapshot
        index = (folder / "index").read_bytes()
        public = (self.own_folder / "ssh" / "key.pub").read_text()
        assert verified(public, index, (folder / "index.sig").read_bytes())
        assert (folder / "lacking").read_bytes() == b""
        promised = {}
        for part, name in Index.decode(index).sections:
            section = Section.decode((folder / "sections" / name).read_bytes())
            above = os.fsencode(folder / part)
            lines = [entry.line() for entry in walked(above, os.fsencode(section.unit))]
            assert sorted(lines) == sorted(section.lines)
            promised[part, section.unit] = set(map(path_of, section.lines))
        return promised

    def trust(self, key):
        trust(self.settings, "127.0.0.1", self.port, " ".join(key.split()[:2]))

    @property
    def own_folder(self):
        return own_folder(self.settings).folder

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)


def walked(part, unit):
    """An entry for everything that is stored of a unit."""
    top = part if unit == b"." else part + b"/" + unit
    for folder, folders, files, descriptor in os.fwalk(top):
        below = os.path.relpath(os.fsencode(folder), top)
        if below == b".":
            yield line_of_stored(descriptor, b".", b".")
        for name in map(os.fsencode, (*folders, *files)):
            yield line_of_stored(descriptor, name, os.path.normpath(below + b"/" + name))


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
