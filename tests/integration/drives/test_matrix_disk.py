"""The table of rights on the plain file system: real ids, no protocol of ours in between."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from appliance.policy.account import Account
from appliance.privileged.groups import Groups
from appliance.privileged.homes import Homes
from tests.integration.drives.matrix import GROUPS, PEOPLE, PLACES, Place, Refused, Who, hold

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as others")

T = TypeVar("T")


class Disk:
    """Everything in a process that has the person's ids, and no others."""

    def __init__(self, account: Account, data: Path) -> None:
        self._uid = account.uid
        self._groups = [GROUPS[name].gid for name in account.groups]
        self._data = data

    def names(self, place: Place) -> set[str]:
        return self._as_person(lambda: set(os.listdir(place.on(self._data))))

    def read(self, place: Place, name: str) -> bytes:
        return self._as_person((place.on(self._data) / name).read_bytes)

    def write(self, place: Place, name: str, content: bytes) -> None:
        self._as_person(lambda: (place.on(self._data) / name).write_bytes(content))

    def remove(self, place: Place, name: str) -> None:
        self._as_person((place.on(self._data) / name).unlink)

    def rename(self, place: Place, old: str, new: str) -> None:
        self._as_person(lambda: os.rename(place.on(self._data) / old, place.on(self._data) / new))

    def make_folder(self, place: Place, name: str) -> None:
        self._as_person((place.on(self._data) / name).mkdir)

    def remove_folder(self, place: Place, name: str) -> None:
        self._as_person((place.on(self._data) / name).rmdir)

    def _as_person(self, act: Callable[[], T]) -> T:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.umask(0o022)
                os.setgroups(self._groups)
                os.setresgid(self._uid, self._uid, self._uid)
                os.setresuid(self._uid, self._uid, self._uid)
                try:
                    answer: object = act()
                except OSError as error:
                    answer = error
                os.write(writing, pickle.dumps(answer))
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            found = pickle.loads(pipe.read())
        os.waitpid(child, 0)
        if isinstance(found, OSError):
            raise Refused(str(found))
        return found  # type: ignore[no-any-return]  # what act gave


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    made.chmod(0o755)
    (made / "homes").mkdir(mode=0o711)
    (made / "groups").mkdir(mode=0o755)
    for account in PEOPLE.values():
        Homes(made / "homes").make(account.login, account.uid, account.uid)
    for group in GROUPS.values():
        Groups(made / "groups").make(group.name, group.gid)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.share)
@pytest.mark.parametrize("who", Who, ids=lambda who: who.name.lower())
def test_the_kernel_keeps_the_table(data: Path, who: Who, place: Place) -> None:
    hold(Disk(who.account, data), place, who, data)


@pytest.mark.parametrize("who", Who, ids=lambda who: who.name.lower())
def test_nobody_changes_the_shares_themselves(data: Path, who: Who) -> None:
    person = Disk(who.account, data)
    for area in ("homes", "groups"):
        here = Place("the shares", area, ".", "", who.account.login)
        for act in (
            lambda here=here: person.write(here, "new", b""),
            lambda here=here: person.make_folder(here, "new"),
            lambda here=here: person.rename(here, who.account.login if here.area == "homes" else "klasse3a", "mine"),
            lambda here=here: person.remove_folder(here, "klasse3b"),
        ):
            with pytest.raises(Refused):
                act()


def test_who_left_the_group_is_out_at_once(data: Path) -> None:
    former = Disk(Account("hanna.muster", 20003, Who.MEMBER.account.role), data)
    for act in (lambda: former.names(PLACES[1]), lambda: former.write(PLACES[1], "new", b"")):
        with pytest.raises(Refused):
            act()
