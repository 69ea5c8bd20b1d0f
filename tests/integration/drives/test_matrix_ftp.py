"""The table of rights over FTP with TLS, as each of its people."""

from __future__ import annotations

import ftplib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest

from appliance.privileged.homes import Homes
from tests.integration.demo.waiting import eventually
from tests.integration.drives import matrix
from tests.integration.drives.matrix import FRED, FRIDA, GROUPS, PLACES, Place, Refused, Who, hold
from tests.integration.fileshare import school as files
from tests.integration.support_parts import short_folder

T = TypeVar("T")


class School(files.School):
    PEOPLE: ClassVar = matrix.PEOPLE
    GROUPS: ClassVar = GROUPS


class Ftp:
    """A file program of one person."""

    def __init__(self, client: ftplib.FTP_TLS, login: str) -> None:
        self._client = client
        self._login = login

    def names(self, place: Place) -> set[str]:
        return set(self._ask(lambda: [name for name, _ in self._client.mlsd(self._path(place, ""))]))

    def read(self, place: Place, name: str) -> bytes:
        got = io.BytesIO()
        self._ask(lambda: self._client.retrbinary(f"RETR {self._path(place, name)}", got.write))
        return got.getvalue()

    def write(self, place: Place, name: str, content: bytes) -> None:
        self._ask(lambda: self._client.storbinary(f"STOR {self._path(place, name)}", io.BytesIO(content)))

    def remove(self, place: Place, name: str) -> None:
        self._ask(lambda: self._client.delete(self._path(place, name)))

    def rename(self, place: Place, old: str, new: str) -> None:
        self._ask(lambda: self._client.rename(self._path(place, old), self._path(place, new)))

    def make_folder(self, place: Place, name: str) -> None:
        self._ask(lambda: self._client.mkd(self._path(place, name)))

    def remove_folder(self, place: Place, name: str) -> None:
        self._ask(lambda: self._client.rmd(self._path(place, name)))

    def _path(self, place: Place, name: str) -> str:
        """Where it is for its owner; for others ``Home`` is their own, so they try what the disk calls it."""
        own = place.area == "groups" or self._login == FRED
        share = place.share if own else f"../homes/{place.name}"
        return f"/{share}/{name}".rstrip("/")

    @staticmethod
    def _ask(act: Callable[[], T]) -> T:
        try:
            return act()
        except ftplib.error_perm as error:
            raise Refused(str(error)) from error


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    with short_folder() as (folder, stack):
        made = School(folder, stack, {"fileshare": files.FILES_YAML}, files.LIMIT)
        for one in matrix.PEOPLE.values():
            Homes(made.data / "homes").make(one.login, one.uid, one.uid)
        yield made


@pytest.mark.parametrize("who", Who, ids=lambda who: who.name.lower())
def test_ftp_keeps_the_table(school: School, who: Who) -> None:
    with school.ftp(who.account.login) as client:
        for place in PLACES:
            hold(Ftp(client, who.account.login), place, who, school.data)


@pytest.mark.parametrize("who", Who, ids=lambda who: who.name.lower())
def test_the_shares_of_others_are_not_there_at_all(school: School, who: Who) -> None:
    with school.ftp(who.account.login) as client:
        tops = {name for name, _ in client.mlsd("/")}
        names = {name for name, _ in client.mlsd("/Groups")} if "Groups" in tops else set()
        for act in (
            lambda: client.mkd("/Groups/new"),
            lambda: client.mkd("/new"),
            lambda: client.rmd("/Groups/klasse3b"),
            lambda: client.rename("/Groups/klasse3a", "/Groups/mine"),
            lambda: client.rename("/Home", "/Groups/klasse3a/home"),
        ):
            with pytest.raises(ftplib.error_perm):
                act()
    own = set(who.account.groups)
    assert names == own - {"kollegium"}
    assert ("Staff" in tops) is ("kollegium" in own)


def test_what_is_renamed_across_shares_belongs_where_it_lies(school: School) -> None:
    with school.ftp(FRIDA) as client:
        client.storbinary("STOR /Home/plan", io.BytesIO(b"plan"))
        for source, target, name, gid in (
            ("/Home/plan", "/Groups/klasse3a/plan", "klasse3a", GROUPS["klasse3a"].gid),
            ("/Groups/klasse3a/plan", "/Staff/plan", "kollegium", GROUPS["kollegium"].gid),
            ("/Staff/plan", "/Home/plan", FRIDA, Who.TEACHER.account.uid),
        ):
            client.rename(source, target)
            lies = _in(school.data, name) / "plan"
            assert (lies.stat().st_gid, lies.stat().st_mode & 0o777) == (gid, 0o660)
        client.delete("/Home/plan")


def test_nobody_takes_a_file_of_another_along(school: School) -> None:
    """Its owner would pay for it where he cannot reach it any more."""
    matrix.lay_out(matrix.CLASS, school.data)
    with school.ftp(FRIDA) as client:
        client.sendcmd("RNFR /Groups/klasse3a/essay")
        with pytest.raises(ftplib.error_perm):
            client.sendcmd("RNTO /Staff/essay")
    assert (school.group("klasse3a") / "essay").exists()


def test_who_leaves_the_group_under_way_puts_nothing_there_any_more(school: School) -> None:
    group = school.group("klasse3a")
    with school.ftp(FRED) as client:
        connection = client.transfercmd("STOR /Groups/klasse3a/late")
        connection.sendall(b"late")
        school.publish(fred__mustermann={"groups": ()})
        eventually(lambda: "Groups" not in _tops(school))
        connection.unwrap()  # type: ignore[attr-defined]  # it is one with TLS
        connection.close()
        with pytest.raises(ftplib.Error):
            client.voidresp()
        assert not (group / "late").exists()
    school.publish()
    eventually(lambda: "Groups" in _tops(school))


def _tops(school: School) -> set[str]:
    """The shares that Fred is shown on a connection of its own."""
    with school.ftp(FRED) as client:
        return {name for name, _ in client.mlsd("/")}


def _in(data: Path, name: str) -> Path:
    return data / ("groups" if name in GROUPS else "homes") / name
