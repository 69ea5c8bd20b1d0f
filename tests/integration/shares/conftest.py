"""A domain that serves the drives, with somebody in it. The door is not asked here: its own tests have it.

So what is tried here is Samba and the kernel alone: what stands between people even if the door opened to everybody.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import connect
from appliance.directory.short import short_name
from appliance.fileshare.smb.links import point
from appliance.fileshare.smb.render import places, render_shares
from appliance.policy.account import GroupKind, Role
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from tests.integration.support_btrfs import btrfs, hindrance
from tests.integration.support_domain import RunningDomain, start_domain

PASSWORD = "Kamu-tibo-472"
LONG = "maximilian.mustermann-schmidt"
PEOPLE = {
    "fred.muster": Role.PUPIL,
    "ida.muster": Role.PUPIL,
    "otto.andere": Role.PUPIL,
    "anna.lehrer": Role.TEACHER,
    LONG: Role.PUPIL,
}
GROUPS = {
    "class3a": (GroupKind.CLASS, ("fred.muster", "ida.muster", "anna.lehrer")),
    "class3b": (GroupKind.CLASS, ("otto.andere",)),
    "kollegium": (GroupKind.STAFF, ("anna.lehrer",)),
}


@dataclass(frozen=True)
class Drives:
    """The domain and where its people's files are."""

    domain: RunningDomain
    uids: dict[str, int]

    def home(self, login: str) -> Path:
        return self.domain.settings.server.data / "homes" / login

    def group(self, name: str) -> Path:
        return self.domain.settings.server.data / "groups" / name

    def argv(self, login: str, share: str, *more: str) -> list[str]:
        """The command line of a client of ``share`` that runs inside."""
        name = f"//{self.domain.place.host}/{share}"
        return ["smbclient", name, f"--user={login}%{PASSWORD}", "--max-protocol=SMB3", *more]

    def do(self, login: str, share: str, commands: str | Sequence[str]) -> str:
        """What smbclient said to ``commands``."""
        text = commands if isinstance(commands, str) else "; ".join(commands)
        done = self.domain.inside([*self.argv(login, share), "--command", text])
        return done.stdout + done.stderr

    def reload(self) -> None:
        """Let Samba read its shares."""
        config = self.domain.place.config
        done = self.domain.inside(["smbcontrol", f"--configfile={config}", "smbd", "reload-config"])
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="package")
def drives() -> Iterator[Drives]:
    """On btrfs where the kernel knows it: all else on these shares is as on any disk."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    (folder / "srv").mkdir()
    try:
        with (
            contextlib.nullcontext() if hindrance() else btrfs(folder / "srv"),
            start_domain(folder, started=False) as domain,
        ):
            where, data = places(domain.settings), domain.settings.server.data
            domain.place.shares.write_text(render_shares(replace(where, ask=("/bin/true",))))
            for name, mode in (("homes", 0o711), ("groups", 0o755)):
                (data / name).mkdir()
                (data / name).chmod(mode)
            found = Drives(domain, {login: 20000 + number for number, login in enumerate(PEOPLE)})
            homes, groups = Homes(data / "homes"), Groups(data / "groups")
            for login, uid in found.uids.items():
                homes.make(login, uid, uid)
                point(where.homes, rf"{domain.place.workgroup}\{short_name(login)}", found.home(login))
            point(where.staff, rf"{domain.place.workgroup}\anna.lehrer", found.group("kollegium"))
            for number, name in enumerate(GROUPS):
                groups.make(name, 20100 + number)
            domain.start()
            _enrol(found)
            yield found
    finally:
        shutil.rmtree(folder)


def _enrol(drives: Drives) -> None:
    supervisor, auth = (connect(drives.domain.settings, name) for name in ("supervisor", "auth"))
    for login, role in PEOPLE.items():
        given, surname = login.title().split(".")
        supervisor.create_account(login=login, uid=drives.uids[login], given_name=given, surname=surname, role=role)
        auth.set_password(login, Secret(PASSWORD), False)
    for number, (name, (kind, members)) in enumerate(GROUPS.items()):
        supervisor.create_group(name=name, kind=kind, gid=20100 + number, title=name)
        supervisor.add_members(name, members)
    supervisor.close()
    auth.close()


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A file of a client, which it may run."""
    file = tmp_path / "text"
    file.write_text("seen")
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def empty(drives: Drives) -> Iterator[None]:
    """Each test leaves empty folders."""
    yield
    for place in (*map(drives.home, PEOPLE), *map(drives.group, GROUPS)):
        for entry in place.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
