"""A school with people and a backup server of its own: real sshd, receiver, committer and rsync, and no stub of any.

May live here: starting them, a school's files, damage done over there. May not: what a test expects.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shlex
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appliance.backup import drill_sample
from appliance.backup.delta import Base
from appliance.backup.drill import drill
from appliance.backup.drill_there import There, Verified
from appliance.backup.drill_try import Copy, Trial
from appliance.backup.intent import second_place
from appliance.backup.line import shared
from appliance.backup.rsync import Runner
from appliance.backup.run import copy
from appliance.backup_server.manifest import Index, digest
from appliance.policy.account import Account, Group, GroupKind, Role
from appliance.policy.snapshot import Snapshot, Version, encode
from tests.integration.backup.conftest import School
from tests.integration.backup_server import support_store
from tests.integration.support_place import AS_ROOT, ROOT

FRED, PAULA, OLGA = "fred.mustermann", "paula.lehr", "olga.amt"
PEOPLE = {FRED: Role.PUPIL, "frida.meier": Role.PUPIL, PAULA: Role.TEACHER, OLGA: Role.OFFICE}
GROUP = "klasse3a"


class Drilled(School):
    """A school of these ``people``, each with a home and a mailbox, and a group folder."""

    people: Mapping[str, Role]

    server: support_store.Server
    backed: support_store.School

    def fill(self) -> None:
        for number, login in enumerate(self.people):
            uid = 20001 + number if AS_ROOT else os.geteuid()
            self.home(login, uid)
            self.put(self.data / "homes" / login / "Mathe" / "Brief.odt", b"words of " + login.encode(), uid=uid)
            mailbox = self.data / "mail" / login
            mailbox.mkdir(mode=0o700)
            self.own(mailbox, uid)
            if login != OLGA:  # her mailbox is empty
                self.put(mailbox / "cur" / "1.M1:2,S", b"Subject: x\n\nfor " + login.encode(), uid=uid)
        group = self.data / "groups" / GROUP
        group.mkdir(mode=0o770)
        self.put(group / "Plan.txt", b"plan")
        (self.state / "audit").mkdir()
        self.put(self.state / "audit" / "events", b"event", uid=os.geteuid())
        self.publish()

    def publish(self) -> None:
        """What the supervisor says about who is who."""
        accounts = {
            login: Account(login, 20001 + number, role) for number, (login, role) in enumerate(self.people.items())
        }
        groups = {GROUP: Group(GROUP, GroupKind.CLASS, 30001)}
        known = Snapshot(Version(1, 1), "supervisor", "schule.example", ZoneInfo("Europe/Berlin"), accounts, groups)
        folder = self.settings.server.runtime / "snapshots"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "supervisor.snapshot").write_bytes(encode(known))

    def back_up(self) -> Path:
        """Make a snapshot; its folder over there."""
        made = copy(self.settings, lambda *_: None)
        assert made["left_out"] is None, made
        return self.backed.place.snapshots / made["snapshot"]

    def drill(self, first: bool = False) -> dict[str, Any]:
        """Make a drill, as if it were the ``first``: then all is verified. Nothing of it is left on the disk."""
        if first:
            shutil.rmtree(self.own_folder / "drills", ignore_errors=True)
        done = drill(self.settings, lambda *_: None)
        assert not (self.own_folder / "scratch").exists()
        return done

    def sampled(self) -> set[tuple[str, str, str, str]]:
        """What the sample alone finds."""
        with self._there() as there:
            snapshot = there.snapshots()[-1]
            index = Index.decode(there.index(snapshot)[0])
            base = Base.decode((self.own_folder / "base").read_bytes())
            copy = Copy(snapshot, index.sections, base.sections, base.missing)
            trial = Trial(there, copy, self._scratch(), random.SystemRandom())
            who = drill_sample.cast(self.settings, random.SystemRandom())
            drill_sample.tried(trial, who, 1 << 30, lambda _: None)
        return {astuple(one) for one in trial.findings}

    def verified(self) -> set[tuple[str, str, str, str]]:
        """What the backup server alone finds."""
        sums = Verified()
        with self._there() as there:
            snapshot = there.snapshots()[-1]
            index = digest(there.index(snapshot)[0])
            there.verify(snapshot, index, (0, 1), lambda *_: None, sums)
        assert sum(sums.faults.values()) == len(sums.findings)
        return {astuple(one) for one in sums.findings}

    @contextlib.contextmanager
    def _there(self) -> Iterator[There]:
        place = second_place(self.settings)
        with shared(place, self.settings.server.runtime / "backup" / "test") as line:
            yield There(line, Runner(None, self.own_folder / "test.complaints"))

    def _scratch(self) -> Path:
        folder = self.folder / "scratch"
        folder.mkdir(exist_ok=True)
        return folder

    def findings(self, done: dict[str, Any]) -> set[tuple[str, str, str, str]]:
        """What the file for root names."""
        if done["findings"] is None:
            return set()
        lines = Path(done["findings"]).read_text(encoding="ascii").splitlines()
        return {tuple(json.loads(line).values()) for line in lines}  # type: ignore[misc]


class Damage:
    """Does to one stored file what no disk and nobody should; the folder that it is in keeps its time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def flipped_bit(self) -> None:
        found = self.path.stat()
        with self.path.open("r+b") as file:
            first = file.read(1)[0]
            file.seek(0)
            file.write(bytes([first ^ 1]))
        os.utime(self.path, ns=(found.st_mtime_ns, found.st_mtime_ns))

    def cut(self) -> None:
        found = self.path.stat()
        os.truncate(self.path, found.st_size - 1)
        os.utime(self.path, ns=(found.st_mtime_ns, found.st_mtime_ns))

    def touched(self) -> None:
        found = self.path.stat()
        os.utime(self.path, ns=(found.st_mtime_ns, found.st_mtime_ns + 1_000_000_000))

    def given_away(self) -> None:
        self._stat(b" 20", b" 21", last=True)

    def opened_to_all(self) -> None:
        self._stat(b"640", b"666")

    def another_kind(self) -> None:
        self._stat(b"100640", b"120777")

    def access_list(self) -> None:
        """User 65534 may read and write it."""
        os.setxattr(self.path, "user.rsync.%aacl", struct.pack("<6I", 6, 4, 6, 0, 65534, 6 | 1 << 31))

    def another_attribute(self) -> None:
        os.setxattr(self.path, "user.comment", b"x")

    def missing(self) -> None:
        with self._quietly():
            self.path.unlink()

    def extra(self) -> None:
        with self._quietly():
            shutil.copy(self.path, self.path.with_name("extra"))

    def _stat(self, old: bytes, new: bytes, last: bool = False) -> None:
        said = os.getxattr(self.path, "user.rsync.%stat")
        assert old in said, said
        os.setxattr(self.path, "user.rsync.%stat", new.join(said.rsplit(old, 1) if last else said.split(old, 1)))

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        found = self.path.parent.stat()
        yield
        os.utime(self.path.parent, ns=(found.st_mtime_ns, found.st_mtime_ns))


@contextlib.contextmanager
def undone(*paths: Path) -> Iterator[None]:
    """Whatever is done to these files and folders inside, afterwards they, and their folders' times, are as before."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as kept:
        times = {}
        for number, path in enumerate(paths):
            found = path.parent.stat()
            times[path.parent] = (found.st_atime_ns, found.st_mtime_ns)
            subprocess.run(["cp", "-a", str(path), f"{kept}/{number}"], check=True)
        try:
            yield
        finally:
            for number, path in enumerate(paths):
                subprocess.run(["rm", "-rf", str(path)], check=True)
                subprocess.run(["cp", "-a", f"{kept}/{number}", str(path)], check=True)
            for folder, ns in times.items():
                os.utime(folder, ns=ns)


@contextlib.contextmanager
def drilled(people: Mapping[str, Role] = PEOPLE) -> Iterator[Drilled]:
    """A filled one, whose backup server runs; nothing is backed up yet."""
    school = Drilled()
    school.people = people
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, school.folder)
        stack.callback(school.stop)
        school.server = stack.enter_context(support_store.server())
        school.backed = school.server.school("school")
        school.start()
        _let_it_receive(school)
        recovery = school.folder / "recovery"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(recovery)], check=True)
        shutil.copy(recovery.with_suffix(".pub"), school.own_folder / "recovery.pub")
        school.fill()
        yield school


def _let_it_receive(school: Drilled) -> None:
    """The key that sshd knows runs the receiver as the school's user."""
    words = [*support_store.as_user(support_store.UID), *support_store.PYTHON]
    words += ["--settings", str(school.server.conf), "receiver", "school"]
    command = f"PYTHONPATH={ROOT} PYTHONDONTWRITEBYTECODE=1 exec {shlex.join(words)}"
    authorized = school.folder / "second-place" / "authorized_keys"
    key = (school.own_folder / "ssh" / "key.pub").read_text(encoding="ascii").strip()
    authorized.write_text(f'restrict,command="{command}" {key}\n', encoding="ascii")
