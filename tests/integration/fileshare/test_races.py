"""Two people work on the same folder of their group at the same moment, each through a worker of its own."""

from __future__ import annotations

import ftplib
import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier

import pytest

from appliance.fileshare.acting import Person, Staying
from appliance.fileshare.shares import Place
from appliance.fileshare.store import Store
from appliance.usage.ledger import Usage
from tests.integration.fileshare.school import FILES_YAML, FRED, FRIDA, GROUPS, PEOPLE, School, start_school
from tests.integration.support_place import AS_ROOT

_FOLDER = "/Groups/klasse3a"
_ROUNDS, _TIMES = 30, 800
_CONTENT = {FRED: b"F" * 150_000, FRIDA: b"Frida" * 20_000}


@pytest.fixture(scope="module")
def two_workers() -> Iterator[School]:
    with start_school(fileshare=FILES_YAML.replace("workers: 1", "workers: 2")) as school:
        yield school


class Counted:
    """An account of bytes for one process."""

    def __init__(self) -> None:
        self.bytes = 0

    def add(self, uid: int, amount: int) -> None:
        self.bytes += amount


def replace_again_and_again(root: Path, size: int) -> int:
    """Store one file so often; what was counted for it."""
    account = Counted()
    store, person = Store(root, Staying(), account), Person(os.getuid(), os.getgid())
    for _ in range(_TIMES):
        upload = store.upload(person, Place("groups", "klasse3a", ("file",)), 0, 100_000)
        upload.write(bytes(size))
        upload.finish()
    return account.bytes


def test_what_two_processes_count_is_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "groups" / "klasse3a").mkdir(parents=True)
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        counted = sum(pool.map(replace_again_and_again, (tmp_path, tmp_path), (10_000, 10_007)))
    assert counted == (tmp_path / "groups" / "klasse3a" / "file").stat().st_size


def both(school: School, each: Callable[[ftplib.FTP_TLS, str], str]) -> dict[str, str]:
    """Let both do it at once; what each was told."""
    together = Barrier(2)

    def one(login: str) -> str:
        with school.ftp(login) as client:
            together.wait(20)
            return each(client, login)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip((FRED, FRIDA), pool.map(one, (FRED, FRIDA)), strict=True))


def answered(call: Callable[[], str]) -> str:
    try:
        return call()
    except ftplib.error_perm as reply:
        return str(reply)


def test_the_same_name_is_one_whole_file_of_the_last(two_workers: School) -> None:
    path = two_workers.group("klasse3a") / "plan"

    def store(client: ftplib.FTP_TLS, login: str) -> str:
        for _ in range(_ROUNDS):
            came = io.BytesIO()
            assert client.storbinary(f"STOR {_FOLDER}/plan", io.BytesIO(_CONTENT[login])).startswith("226")
            client.retrbinary(f"RETR {_FOLDER}/plan", came.write)
            assert came.getvalue() in _CONTENT.values()
        return "226"

    both(two_workers, store)
    owner = FRED if path.read_bytes() == _CONTENT[FRED] else FRIDA
    assert path.read_bytes() == _CONTENT[owner]
    assert [one.name for one in path.parent.iterdir()] == ["plan"]
    if AS_ROOT:
        assert (path.stat().st_uid, path.stat().st_gid) == (PEOPLE[owner].uid, GROUPS["klasse3a"].gid)
        usage = Usage(two_workers.settings.server.runtime / "usage")
        usage.refresh()
        paid = {login: usage.of(PEOPLE[login].uid) for login in (FRED, FRIDA)}
        assert paid == {FRED: 0, FRIDA: 0} | {owner: len(_CONTENT[owner])}
    path.unlink()


def test_one_of_two_makes_moves_and_deletes(two_workers: School) -> None:
    """Whoever comes second is told so, and nothing is there twice or half."""
    folder = two_workers.group("klasse3a")

    def change(client: ftplib.FTP_TLS, login: str) -> str:
        made = moved = gone = 0
        for number in range(_ROUNDS):
            made += answered(lambda number=number: client.mkd(f"{_FOLDER}/new-{number}")).startswith("/")
            moved += (
                answered(lambda number=number: client.rename(f"{_FOLDER}/{number}", f"{_FOLDER}/{login}-{number}"))[:1]
                == "2"
            )
            gone += answered(lambda number=number: client.delete(f"{_FOLDER}/gone-{number}")).startswith("2")
        return f"{made} {moved} {gone}"

    for number in range(_ROUNDS):
        for name in (f"{number}", f"gone-{number}"):
            (folder / name).write_bytes(os.urandom(10))
            if AS_ROOT:
                os.chown(folder / name, PEOPLE[FRED].uid, GROUPS["klasse3a"].gid)
    said = both(two_workers, change)
    counts = [sum(map(int, each)) for each in zip(*(words.split() for words in said.values()), strict=True)]
    assert counts == [_ROUNDS] * 3
    names = sorted(each.name for each in folder.iterdir())
    assert len([name for name in names if name.startswith("new-")]) == _ROUNDS
    assert sorted(int(name.rsplit("-", 1)[1]) for name in names if name.startswith("fr")) == list(range(_ROUNDS))
    assert len(names) == 2 * _ROUNDS
