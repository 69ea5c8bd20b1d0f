"""The table of rights over SMB, as each of its people; the door is not asked, so it is the kernel that keeps it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.daemon.descriptors import FOLDER
from appliance.daemon.secret import Secret
from appliance.directory.client import connect
from appliance.fileshare.smb.links import point
from appliance.fileshare.smb.render import Places, places, render_shares
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from appliance.privileged.mending import Owner, mend
from tests.integration.drives.matrix import (
    CLASS,
    FRED,
    FRIDA,
    GROUPS,
    PEOPLE,
    PLACES,
    STAFF,
    Place,
    Refused,
    Who,
    hold,
    lay_out,
)
from tests.integration.support_domain import RunningDomain, possible, start_domain

pytestmark = possible

_PASSWORD = "Kamu-tibo-472"
_REFUSED = re.compile(r"NT_STATUS_(?!OK)\w+")


class Smb:
    """A file manager of one person: each act is a session of its own."""

    def __init__(self, domain: RunningDomain, scratch: Path, login: str) -> None:
        self._domain = domain
        self._scratch = scratch
        self._login = login

    def names(self, place: Place) -> set[str]:
        said = self._do(place, "ls")
        return {match[1] for match in re.finditer(r"^  (\S+) +[ADHNS]+ +\d+ ", said, re.MULTILINE)}

    def read(self, place: Place, name: str) -> bytes:
        self._scratch.unlink(missing_ok=True)
        self._do(place, f"get {name} {self._scratch}")
        return self._scratch.read_bytes()

    def write(self, place: Place, name: str, content: bytes) -> None:
        self._scratch.write_bytes(content)
        self._do(place, f"put {self._scratch} {name}")

    def remove(self, place: Place, name: str) -> None:
        self._do(place, f"del {name}")

    def rename(self, place: Place, old: str, new: str) -> None:
        self._do(place, f"rename {old} {new}")

    def make_folder(self, place: Place, name: str) -> None:
        self._do(place, f"mkdir {name}")

    def remove_folder(self, place: Place, name: str) -> None:
        self._do(place, f"rmdir {name}")

    def _do(self, place: Place, command: str) -> str:
        """Do it in ``place``: its share as far as Samba knows it, then the folder in it."""
        share, _, folder = place.share.partition("/")
        into = ["--directory", folder] if folder else []
        argv = ["smbclient", f"//server/{share}", f"--user={self._login}%{_PASSWORD}", *into, "--command", command]
        done = self._domain.inside(argv)
        said = done.stdout + done.stderr
        if done.returncode or _REFUSED.search(said):
            raise Refused(said)
        return said


@pytest.fixture(scope="module")
def domain() -> Iterator[RunningDomain]:
    """Everybody of the table in a domain, each link of ``Home`` and ``Staff`` leading to the place of the table."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with start_domain(folder, started=False) as domain:
            where = places(domain.settings)
            domain.place.shares.write_text(render_shares(replace(where, ask=("/bin/true",))))
            _lay(domain, where)
            domain.start()
            supervisor, auth = connect(domain.settings, "supervisor"), connect(domain.settings, "auth")
            for group in GROUPS.values():
                supervisor.create_group(name=group.name, kind=group.kind, gid=group.gid, title=group.name)
            for one in PEOPLE.values():
                given, surname = one.login.title().split(".")
                supervisor.create_account(
                    login=one.login, uid=one.uid, given_name=given, surname=surname, role=one.role
                )
                auth.set_password(one.login, Secret(_PASSWORD), False)
                for name in one.groups:
                    supervisor.add_members(name, [one.login])
            supervisor.close()
            auth.close()
            yield domain
    finally:
        shutil.rmtree(folder)


def _lay(domain: RunningDomain, where: Places) -> None:
    """For everybody ``Home`` is Fred's and ``Staff`` the staff's, so that nothing but the kernel parts them."""
    data = domain.settings.server.data
    for name, mode in (("homes", 0o711), ("groups", 0o755)):
        (data / name).mkdir(parents=True)
        (data / name).chmod(mode)
    homes, groups = Homes(data / "homes"), Groups(data / "groups")
    homes.make(FRED, PEOPLE[FRED].uid, PEOPLE[FRED].uid)
    for group in GROUPS.values():
        groups.make(group.name, group.gid)
    for login in PEOPLE:
        name = rf"{domain.place.workgroup}\{login}"
        point(where.homes, name, data / "homes" / FRED)
        point(where.staff, name, data / "groups" / STAFF.name)


@pytest.mark.parametrize("who", Who, ids=lambda who: who.name.lower())
def test_smb_keeps_the_table(domain: RunningDomain, tmp_path: Path, who: Who) -> None:
    for place in PLACES:
        hold(Smb(domain, tmp_path / "scratch", who.account.login), place, who, domain.settings.server.data)


def test_what_is_moved_to_another_group_keeps_its_own_until_it_is_mended(domain: RunningDomain, tmp_path: Path) -> None:
    """One share holds all group folders, and a rename changes no group: so the folders are mended at night."""
    data = domain.settings.server.data
    lay_out(CLASS, data)
    smb = Smb(domain, tmp_path / "scratch", FRIDA)
    smb.rename(replace(CLASS, share="Groups"), "klasse3a\\essay", "kollegium\\moved")
    moved = data / "groups" / "kollegium" / "moved"
    assert moved.stat().st_gid == GROUPS["klasse3a"].gid
    staff = os.open(data / "groups" / "kollegium", FOLDER)
    mend(staff, Owner(GROUPS["kollegium"].gid))
    os.close(staff)
    assert (moved.stat().st_gid, moved.stat().st_mode & 0o777) == (GROUPS["kollegium"].gid, 0o660)
    moved.unlink()
