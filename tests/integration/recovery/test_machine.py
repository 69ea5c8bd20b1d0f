"""The whole machine: a school makes a backup, its server is thrown away, a fresh one has it back by the sheet alone."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.backup.deletions import Deletions
from appliance.backup.intent import own_folder, second_place
from appliance.backup.recovery_key import Facts, new
from appliance.backup.rsync import Runner
from appliance.backup.run import copy
from appliance.backup.telling import tell
from appliance.daemon.secret import Secret
from appliance.daemon.whole_file import write_whole
from appliance.demo import sshd
from appliance.directory.client import Checked, connect
from appliance.policy.account import Role
from appliance.recovery.key_place import FOLDER
from appliance.settings.load import load
from tests.integration.demo.waiting import eventually
from tests.integration.setup.conftest import ANSWERS, Installed
from tests.integration.support_place import ROOT
from tests.integration.support_ports import free_port

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root brings a machine back")

_GONE, _GONE_UID = "emma.jaeger", 20002
_LOGIN, _UID, _PASSWORD = "fred.mustermann", 20001, Secret("Rote+Kreide71")
_DAMAGED = "files are not as the school's server signed them"


class Lost(Installed):
    """A school's server that made a backup; :meth:`burn` leaves a fresh machine in its place."""

    def __init__(self):
        super().__init__()
        self.elsewhere = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
        self.elsewhere.chmod(0o755)
        self._ends = contextlib.ExitStack()
        self.key = new()

    def work(self):
        """The school's day, and its night; the server has ended then."""
        self.boot_with_server()
        done = self.answered()
        assert done.returncode == 0, done.stdout + done.stderr
        wanted = sshd.settings_for(free_port())
        text = "".join(f"{name}: {value}\n" for name, value in wanted.items())
        (self.places.settings / "backup.yaml").write_text(text)
        self.settings = load(self.places.settings)
        self._enroll()
        own = own_folder(self.settings)
        own.make()
        place = self.elsewhere / "second-place"
        place.mkdir(mode=0o700)
        write_whole(place / "recovery", self.key.openssh_private(), 0o600)
        write_whole(own.recovery, f"{self.key.public_line}\n".encode(), 0o644)
        self.snapshots = self._ends.enter_context(sshd.second_place(self.elsewhere, self.settings, ROOT))
        self.facts = Facts(
            "127.0.0.1",
            self.settings.backup.port,
            str(self.settings.backup.target).partition("@")[0],
            (place / "host_key.pub").read_text(),
            (own.keys / "key.pub").read_text(),
        )
        self.snapshot = copy(self.settings, lambda *_: None)["snapshot"]
        self._delete_for_good()

    def _delete_for_good(self):
        """What the supervisor and the next backup do of it; the snapshot still has the account."""
        deletions = Deletions(self.settings.server.state)
        deletions.note(_GONE, _GONE_UID, datetime.now(UTC).date())
        told = tell(self.settings, second_place(self.settings), Runner(None, self.elsewhere / "complaints"), None)
        assert told.problem is None

    def _enroll(self):
        supervisor, auth = connect(self.settings, "supervisor"), connect(self.settings, "auth")
        try:
            for login, uid in ((_LOGIN, _UID), (_GONE, _GONE_UID)):
                supervisor.create_account(login=login, uid=uid, given_name="F", surname="M", role=Role.PUPIL)
            auth.set_password(_LOGIN, _PASSWORD, must_change=False)
        finally:
            supervisor.close()
            auth.close()
        data = self.settings.server.data
        for path, content in {
            data / "homes" / _LOGIN / "Mathe" / "Ü 1.txt": b"2 + 2",
            data / "homes" / _LOGIN / os.fsdecode(b"not utf-8 \xff"): b"?",
            data / "homes" / _GONE / "Mein": b"private",
            data / "groups" / "klasse3a" / "Ausflug": b"Zoo",
        }.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o640)
        for login, uid in ((_GONE, _GONE_UID), (_LOGIN, _UID)):
            home = data / "homes" / login
            for path in (home, *home.rglob("*")):
                os.chown(path, uid, uid)
            home.chmod(0o700)
        (home / "hard").hardlink_to(home / "Mathe" / "Ü 1.txt")
        (home / "link").symlink_to("Mathe")
        os.lchown(home / "link", _UID, _UID)
        os.setxattr(home / "Mathe", "user.colour", b"red")
        subprocess.run(["setfacl", "-m", "u:20002:r", home / "Mathe" / "Ü 1.txt"], check=True)

    def burn(self):
        """End it, and take its disk away; a fresh machine with our packages stands there."""
        self.stop()
        shutil.rmtree(self.top)
        self.top.mkdir(mode=0o755)
        self.install()
        for path in self.places.settings.iterdir():
            path.unlink()
        for name in ("homes", "groups", "mail"):
            (self.top / "srv" / name).mkdir(parents=True)
        (self.top / "with-server").touch()

    def stop(self):
        pid = self.top / "pid"
        if not pid.exists():
            return
        handle = os.pidfd_open(int(pid.read_text()))
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        import select

        assert select.select([handle], [], [], 30)[0]
        os.close(handle)
        pid.unlink()

    def restore(self, *more, words=None, cut=()):
        argv = [sys.executable, Path(__file__).with_name("machine.py"), self.top, *map(str, cut), "--", "--everything"]
        return subprocess.run(
            [*argv, *more],
            env={**os.environ, "PYTHONPATH": str(ROOT), "SUDO_USER": ""},
            input=words or "",
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def by_sheet(self, *more, facts=None, cut=()):
        (self.elsewhere / "sheet").write_text(self.key.sheet(facts or self.facts))
        return self.restore("--sheet", self.elsewhere / "sheet", *more, cut=cut)

    def is_untouched(self):
        """Nothing of the school is here."""
        return not any(self.places.settings.iterdir()) and not (self.top / "srv" / "homes" / _LOGIN).exists()

    def end(self):
        self._ends.close()
        super().end()
        shutil.rmtree(self.elsewhere)


def _signs_in(settings):
    auth = connect(settings, "auth")
    try:
        assert auth.check(_LOGIN, _PASSWORD) is Checked.GOOD
    finally:
        auth.close()


def _is_deleted_again(settings):
    supervisor = connect(settings, "supervisor")
    try:
        eventually(lambda: supervisor.find(_GONE) is None, what="the account that was deleted since")
        assert supervisor.find(_LOGIN) is not None
    finally:
        supervisor.close()
    eventually(lambda: not (settings.server.data / "homes" / _GONE).exists(), what="its home")


@pytest.fixture(scope="module")
def lost():
    made = Lost()
    try:
        made.work()
        yield made
    finally:
        made.end()


@pytest.fixture
def fresh(lost):
    lost.burn()
    return lost


def test_the_school_is_back_by_the_sheet_alone(fresh):
    done = fresh.by_sheet("--from", "127.0.0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"The school is as it was on {fresh.snapshot}" in done.stdout
    assert _DAMAGED not in done.stderr
    home = fresh.settings.server.data / "homes" / _LOGIN
    assert (home / "Mathe" / "Ü 1.txt").read_bytes() == b"2 + 2"
    assert (home / os.fsdecode(b"not utf-8 \xff")).read_bytes() == b"?"
    assert (home / "hard").stat().st_ino == (home / "Mathe" / "Ü 1.txt").stat().st_ino
    assert (home / "link").readlink() == Path("Mathe")
    assert (home.stat().st_uid, stat.S_IMODE(home.stat().st_mode)) == (_UID, 0o700)
    assert os.getxattr(home / "Mathe", "user.colour") == b"red"
    assert (
        b"user:20002:r--" in subprocess.run(["getfacl", "-nc", home / "hard"], capture_output=True, check=True).stdout
    )
    _signs_in(fresh.settings)
    _is_deleted_again(fresh.settings)
    assert not FOLDER.exists()
    left = fresh.places.state / "recovery"
    assert sorted(path.name for path in left.iterdir()) == ["differences", "report.json"]
    assert (left / "differences").read_bytes() == b""
    again = fresh.by_sheet()
    assert again.returncode == 2
    assert "is a school's server already" in again.stderr


def test_what_was_cut_short_goes_on(fresh):
    """K07: at whatever moment the power goes; the last attempt ends what the others have begun."""
    for number in (4, 7, 5, 7, 5):
        assert fresh.by_sheet(cut=("subprocess.Popen", number)).returncode == -signal.SIGKILL
        assert not (fresh.top / "pid").exists(), "nothing runs before everything is there"
    fresh.answers.write_text(ANSWERS)
    refused = fresh.answered()
    assert (refused.returncode, "a recovery is under way" in refused.stderr) == (2, True)
    done = fresh.by_sheet()
    assert done.returncode == 0, done.stdout + done.stderr
    assert _DAMAGED not in done.stderr
    _signs_in(fresh.settings)
    assert not FOLDER.exists()


def test_what_is_not_as_it_was_signed_is_named_and_does_no_harm(fresh):
    snapshot = fresh.snapshots / fresh.snapshot
    damaged, raised = (snapshot / "homes" / _LOGIN / "Mathe" / "Ü 1.txt"), snapshot / "groups" / "klasse3a" / "Ausflug"
    before = (damaged.read_bytes(), os.getxattr(raised, "user.rsync.%stat"), damaged.stat().st_mtime_ns)
    try:
        _overwrite(damaged, b"2 + 3", before[2])
        os.setxattr(raised, "user.rsync.%stat", b"104755 0,0 0:0")
        os.setxattr(raised, "user.rsync.security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
        done = fresh.by_sheet()
    finally:
        _overwrite(damaged, before[0], before[2])
        os.setxattr(raised, "user.rsync.%stat", before[1])
        os.removexattr(raised, "user.rsync.security.capability")
    assert done.returncode == 0, done.stdout + done.stderr
    assert _DAMAGED in done.stderr
    told = (fresh.places.state / "recovery" / "differences").read_text()
    assert "homes/'fred.mustermann/Mathe/Ü 1.txt': another content" in told
    assert "groups/'klasse3a/Ausflug': another mode" in told
    here = fresh.settings.server.data / "groups" / "klasse3a" / "Ausflug"
    assert stat.S_IMODE(here.stat().st_mode) & 0o7000 == 0
    assert "security.capability" not in os.listxattr(here)


def test_a_sheet_of_another_pairing_brings_nothing(fresh):
    done = fresh.by_sheet(facts=replace(fresh.facts, signing_key=new().public_line))
    assert done.returncode == 1
    assert "was not signed with the key on the sheet" in done.stderr
    assert fresh.is_untouched()


def test_another_machine_in_the_place_of_the_backup_server_hears_nothing(fresh):
    done = fresh.by_sheet(facts=replace(fresh.facts, host_key=new().public_line))
    assert done.returncode == 1
    assert "gives no answer, or does not take our key" in done.stderr
    assert fresh.is_untouched()
    assert not FOLDER.exists()


def test_the_sheet_is_typed_and_a_mistyped_line_is_asked_for_again(fresh):
    lines = [line.split(maxsplit=1) for line in fresh.key.sheet(fresh.facts).splitlines()]
    codes = [words[1].lower() for words in lines if len(words) == 2 and words[0] in _CODES]
    wrong = codes[0][:-1] + ("3" if codes[0][-1] == "2" else "2")
    typed = [str(fresh.facts.port), fresh.facts.user, wrong, *codes]
    done = fresh.restore("--from", "127.0.0.1", "--date", "1999-01-01", words="\n".join(typed) + "\n")
    assert "line K1 is mistyped" in done.stderr
    assert f"there are some of {datetime.now(UTC):%Y}" in done.stderr
    assert done.returncode == 1
    assert fresh.is_untouched()


def test_a_machine_with_anything_of_a_server_stays_as_it_is(fresh):
    (fresh.places.settings / "school.yaml").write_text("domain: schule.example\n")
    done = fresh.by_sheet()
    assert done.returncode == 2
    assert "holds settings of a server already" in done.stderr


_CODES = frozenset(f"{block}{number}" for block in "KHS" for number in range(1, 5))


def _overwrite(path, content, mtime):
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(mtime, mtime))
