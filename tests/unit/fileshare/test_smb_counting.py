"""What a count makes of the ledger: a home, the folders of groups, files that are held though they are deleted."""

import asyncio
import os
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.fileshare.smb import counting
from appliance.fileshare.smb.counting import Counted, Counting, Task, held
from appliance.fileshare.smb.smbd import NoSmbd, Smbd
from appliance.usage.delta import Delta, Place
from appliance.usage.ledger import Usage
from appliance.usage.scan import Found, scan

ME = os.getuid()
IDS = range(ME, ME + 10)
BIG = 50_000


class World:
    """``fred`` has a home, and files in two groups; he is of the first."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "srv"
        for name in ("homes/fred", "groups/klasse3a", "groups/klasse2a"):
            (self.data / name).mkdir(parents=True)
        self.deltas = folder / "usage"
        self.smb = Delta(self.deltas, Place.FILES, IDS.start, IDS.stop - 1, "smb")
        self.ftp = Delta(self.deltas, Place.FILES, IDS.start, IDS.stop - 1)
        self.usage = Usage(self.deltas)
        self.now = 100.0
        self.counting = Counting(self.data, self.usage, self.smb, IDS, lambda: self.now)

    def put(self, name: str, size: int = BIG) -> Path:
        path = self.data / name
        path.write_bytes(bytes(size))
        return path

    def count(self, groups: Collection[str] = ("klasse3a",), smbds: Collection[Any] = ()) -> Counted:
        return asyncio.run(self.counting.count(Task({ME: "fred"}, groups, (), smbds)))

    @property
    def bytes(self) -> int:
        self.usage.refresh()
        return self.usage.parts(ME)[1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.counting.close()
    made.usage.close()
    made.smb.close()
    made.ftp.close()


def test_what_lies_there_is_in_the_ledger(world: World) -> None:
    world.put("homes/fred/one")
    world.put("groups/klasse3a/two")
    assert not world.count().missed
    assert world.bytes == 2 * BIG
    (world.data / "homes/fred/one").unlink()
    world.count()
    assert world.bytes == BIG


def test_only_the_folders_of_his_groups_are_walked_again_and_the_others_keep_their_figures(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("groups/klasse2a/of the year before")
    world.count()
    assert world.bytes == BIG, "he pays for what he left there"
    walked: list[str] = []

    def noted(data: Path, ids: range, logins: Collection[str], groups: Collection[str]) -> Found:
        walked.extend(groups)
        return scan(data, ids, logins, groups)

    monkeypatch.setattr(counting, "scan", noted)
    world.put("groups/klasse3a/new")
    world.count()
    assert walked == ["klasse3a"]
    assert world.bytes == 2 * BIG
    (world.data / "groups/klasse2a/of the year before").unlink()
    world.now += 3601
    world.count()
    assert world.bytes == BIG


def test_who_writes_by_another_service_meanwhile_is_missed_and_said_to_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(*arguments: Any) -> Found:
        world.ftp.add(ME, 1)
        return scan(*arguments)

    monkeypatch.setattr(counting, "scan", written)
    world.put("homes/fred/one")
    assert world.count().missed == {ME}
    assert world.bytes < BIG
    monkeypatch.undo()
    assert not world.count().missed
    assert world.bytes == BIG


def test_a_home_that_cannot_be_counted_keeps_nobody_else_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: Path, ids: range, logins: Collection[str], groups: Collection[str]) -> Found:
        if "frida" in logins:
            raise OSError(5, "Input/output error")
        return scan(data, ids, logins, groups)

    monkeypatch.setattr(counting, "scan", broken)
    world.put("homes/fred/one")
    done = asyncio.run(world.counting.count(Task({ME + 1: "frida", ME: "fred"}, (), (), ())))
    assert done.missed == {ME + 1}
    assert world.bytes == BIG


# files that another service deleted while they are open


@pytest.fixture
def smbd(world: World) -> Iterator[Smbd]:
    """A process called smbd that has a file of Fred's open for writing."""
    path = world.put("homes/fred/open")
    with subprocess.Popen(
        ["/bin/sh", "-c", f'echo smbd >/proc/$$/comm; exec 7<>"{path}" 8<"{path}"; echo; read line'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        made = Smbd(process.pid)
        yield made
        made.close()
        process.communicate(b"\n")


def test_a_deleted_file_that_is_held_is_paid_by_its_owner_however_it_grows(world: World, smbd: Smbd) -> None:
    world.count(smbds=[smbd])
    assert world.bytes == BIG
    (world.data / "homes/fred/open").unlink()
    world.count(smbds=[smbd])
    assert world.bytes == BIG
    os.truncate(f"/proc/{smbd.pid}/fd/7", 3 * BIG)
    assert world.count(smbds=[smbd, smbd]).held == {ME: 3 * BIG}, "once, however often it is open"
    assert world.bytes == 3 * BIG


def test_a_file_with_another_name_and_those_elsewhere_are_not_held(world: World, smbd: Smbd, tmp_path: Path) -> None:
    os.link(world.data / "homes/fred/open", world.data / "homes/fred/second")
    (world.data / "homes/fred/open").unlink()
    assert held([smbd], world.data) == {}
    (world.data / "homes/fred/second").unlink()
    assert held([smbd], tmp_path / "elsewhere") == {}
    assert held([smbd], world.data) == {ME: BIG}


def test_an_smbd_that_is_gone_holds_nothing(world: World) -> None:
    gone: Any = SimpleNamespace(pid=2**22 + 1, deleted=lambda below: Smbd.deleted(gone, below))
    assert held([gone], world.data) == {}
    with pytest.raises(NoSmbd):
        Smbd(2**22 + 1)
