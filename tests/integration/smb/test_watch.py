"""What the door watches while somebody is there: what others write for him, a full disk, ends, its own among them."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from appliance.usage.delta import Delta, Place
from appliance.usage.weight import LEAST
from tests.integration.demo.waiting import eventually
from tests.integration.smb.drives import FRED, FRIDA, LIMIT, PEOPLE, Drives
from tests.integration.smb.test_door import locked
from tests.integration.support_domain import possible
from tests.integration.support_parts import PASSWORD

pytestmark = possible
QUOTA = 3_000_000


@contextlib.contextmanager
def setting(drives: Drives, name: str, line: str) -> Iterator[None]:
    """One more line in ``name.yaml``, taken over by a reload as the running door does it."""
    path = drives.settings.folder / f"{name}.yaml"
    before = path.read_text() if path.exists() else None
    path.write_text((before or "") + f"{line}\n")
    drives.reload()
    try:
        yield
    finally:
        path.unlink() if before is None else path.write_text(before)
        drives.reload()


def connections(drives: Drives) -> int:
    found: int = drives.ask("standing")["connections"]
    return found


# other services


def test_what_he_stores_by_another_service_counts_at_once(drives: Drives) -> None:
    """K11: one quota over all; a drive that is full by FTP takes nothing more until there is room again."""
    drives.settle()
    drives.publish(fred__mustermann={"quota": QUOTA})
    numbers, more = drives.settings.directory, drives.local("more", 400_000)
    by_ftp = drives.home().joinpath("by-ftp")
    other = Delta(drives.settings.server.runtime / "usage", Place.FILES, numbers.id_first, numbers.id_last)
    try:
        with drives.seated() as fred:
            assert fred.put(more, "first")
            eventually(lambda: drives.counted() == 400_000)
            by_ftp.write_bytes(bytes(QUOTA - 500_000))
            other.add(PEOPLE[FRED].uid, QUOTA - 500_000)
            begun = time.monotonic()
            eventually(lambda: not fred.put(more, "second"))
            print(f"over quota by another service: held after {time.monotonic() - begun:.1f} s")
            assert fred("remove", "first") is True, "who is full may still make room"
            by_ftp.unlink()
            other.add(PEOPLE[FRED].uid, 500_000 - QUOTA)
            begun = time.monotonic()
            eventually(lambda: fred.put(more, "third"))
            print(f"room again: free after {time.monotonic() - begun:.1f} s")
    finally:
        other.close()


def test_who_stores_by_another_service_all_the_time_is_held_to_his_quota(drives: Drives) -> None:
    """Then no count of his can be taken; what he wrote is not forgotten."""
    drives.settle()
    quota, size = 4 * QUOTA, 400_000
    drives.publish(fred__mustermann={"quota": quota})
    numbers, more = drives.settings.directory, drives.local("more", size)
    other = Delta(drives.settings.server.runtime / "usage", Place.FILES, numbers.id_first, numbers.id_last)
    over = threading.Event()

    def store() -> None:
        while not over.wait(0.0001):  # more often than any count takes
            other.add(PEOPLE[FRED].uid, 1)

    ftp = threading.Thread(target=store)
    try:
        with drives.seated() as fred:
            assert fred.put(more, "first")
            eventually(lambda: drives.counted() == size)
            ftp.start()
            stored = sum(fred.put(more, f"file{number}") for number in range(2 * quota // size))
            assert stored >= quota // size // 2
            assert not fred.put(more, "last")
            assert drives.lies() < 2 * quota
            over.set()
            ftp.join()
        eventually(lambda: drives.counted() == drives.lies())
    finally:
        over.set()
        other.close()


def test_a_file_that_another_service_deleted_is_paid_for_while_it_is_held_open(drives: Drives) -> None:
    one, two = drives.local("one", 1_000_000), drives.local("two", 2_500_000)
    with drives.seated() as fred:
        assert fred("hold", 1) is True
        assert fred("grow", str(one)) is True
        eventually(lambda: drives.counted() == 1_000_000)
        (drives.home() / "held0").unlink()
        assert fred("grow", str(two)) is True
        eventually(lambda: drives.counted() == 2_500_000)
        assert fred.here()
    eventually(lambda: drives.counted() == 0)


def test_the_reserve_of_the_disk_is_not_used_up(drives: Drives) -> None:
    more = drives.local("more", 400_000)
    with drives.seated() as fred:
        assert fred.put(more, "first")
        with setting(drives, "server", "reserve: 1000000 GB"):
            eventually(lambda: not fred.put(more, "second"))
            assert fred("remove", "first") is True
        eventually(lambda: fred.put(more, "third"))


# the size of a drive


def test_without_a_quota_the_drive_is_as_large_as_the_disk(drives: Drives) -> None:
    disk = os.statvfs(drives.data)
    said = drives.smbclient("Home", "ls")
    size = int(said.split(" blocks of size ")[0].rpartition("\t")[2]) * int(said.split(" of size ")[1].split(".")[0])
    assert size == pytest.approx(disk.f_blocks * disk.f_frsize, rel=0.01)


def test_what_is_left_of_the_quota_is_what_is_free(drives: Drives) -> None:
    drives.settle()
    drives.publish(fred__mustermann={"quota": 10 << 20})
    drives.smbclient("Home", f"put {drives.local('one', 1 << 20)} one")
    eventually(lambda: "10240 blocks of size 1024. 9216 blocks available" in drives.smbclient("Home", "ls"))


# ends


def test_an_smbd_that_is_killed_is_forgotten_and_what_it_wrote_counted(drives: Drives) -> None:
    with drives.seated() as fred:
        assert fred.put(drives.local("one", 1_000_000), "one")
        (pid,) = drives.pids()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: connections(drives) == 0)
    eventually(lambda: drives.counted() == 1_000_000)
    assert "one" in drives.smbclient("Home", "ls")


def test_whoever_is_there_too_often_does_not_get_in_and_others_do(drives: Drives) -> None:
    with setting(drives, "fileshare", "sessions_per_person: 2"), drives.seated(), drives.seated("Groups") as second:
        assert "NT_STATUS" in drives.smbclient("Home", "ls")
        assert "blocks available" in drives.smbclient("Home", "ls", FRIDA)
        assert second.here()
    eventually(lambda: connections(drives) == 0)
    assert "blocks available" in drives.smbclient("Home", "ls")


# two people at one PC (fast user switching): one connection, one smbd


@contextlib.contextmanager
def two_at_one_pc(drives: Drives, then: str) -> Iterator[Callable[[], str]]:
    """A PC at which Fred and then Frida signed in; it does ``then`` as Frida when it is called; what came out."""
    # Samba writes down, in its database and every two weeks, that somebody signed in by NTLM: a held smbd may not.
    assert "NT_STATUS" not in drives.smbclient("Home", "ls", FRIDA)
    wait = drives.data.parent / "go"
    os.mkfifo(wait)
    said: list[str] = []
    commands = f"logon SCHULE/{FRIDA} {PASSWORD}; tcon Home; put {wait} nothing; {then}"  # it waits for the pipe
    pc = threading.Thread(target=lambda: said.append(drives.smbclient("Home", commands)))
    pc.start()

    def go() -> str:
        if pc.is_alive():
            wait.write_text("")
            pc.join()
        return said[0]

    try:
        eventually(lambda: drives.ask("standing")["persons"] == 2)
        yield go
    finally:
        go()
        wait.unlink()


def test_the_strictest_bound_counts_for_two_at_one_pc(drives: Drives) -> None:
    drives.settle()
    drives.publish(fred__mustermann={"quota": 500_000})
    source = drives.local("file", 1_000_000)
    with two_at_one_pc(drives, f"put {source} file") as go:
        assert connections(drives) == 1
        assert "NT_STATUS_DISK_FULL" in go()
    assert "NT_STATUS" not in drives.smbclient("Home", f"put {source} file", FRIDA)


def test_who_has_to_leave_takes_the_other_along_who_comes_back(drives: Drives) -> None:
    with two_at_one_pc(drives, "ls") as go:
        drives.publish(fred__mustermann={"locks": locked()})
        eventually(lambda: connections(drives) == 0, within=2)
        assert "NT_STATUS" in go()
    assert "blocks available" in drives.smbclient("Home", "ls", FRIDA)


# a door that ends


def test_limits_stand_while_the_door_is_away(drives: Drives) -> None:
    with drives.seated() as fred:
        drives.door.stop(signal.SIGKILL)
        try:
            assert not fred.put(drives.local("large", LIMIT + 100_000), "large")
            assert fred.put(drives.local("small", 1000), "small")
        finally:
            drives.door.start()
        # what was written meanwhile is counted, and what was cut taken away, when he goes
    eventually(lambda: not drives.home().joinpath("large").exists())
    eventually(lambda: drives.counted() == LEAST)


def test_who_was_locked_while_the_door_was_away_leaves_at_its_start(drives: Drives) -> None:
    with drives.seated() as fred, drives.seated("Home", FRIDA) as frida:
        drives.door.stop(signal.SIGKILL)
        drives.publish_only(fred__mustermann={"locks": locked()})
        assert fred.here()
        drives.door.start()
        eventually(lambda: not fred.here(), within=2)
        assert frida.here()
        assert connections(drives) == 1


def test_who_was_deleted_while_the_door_was_away_leaves_at_its_start(drives: Drives) -> None:
    with drives.seated() as fred, drives.seated("Home", FRIDA) as frida:
        drives.door.stop(signal.SIGKILL)
        drives.publish_only(fred__mustermann=None)
        drives.door.start()
        eventually(lambda: not fred.here(), within=2)
        assert frida.here()
        assert connections(drives) == 1
    assert not [link for link in drives.links("homes") if FRED in link]


def test_a_new_limit_holds_for_who_came_before_the_door(drives: Drives) -> None:
    with drives.seated() as fred:
        drives.door.stop()
        drives.door.start()
        drives.publish(LimitTable(Limits(LIMIT // 2, LIMIT // 2)))
        eventually(lambda: not fred.put(drives.local("file", LIMIT - 1000), "file"))


def test_what_is_no_smbd_any_more_is_left_alone(drives: Drives) -> None:
    """The number of an smbd that ended while the door was away may be somebody else's by now."""
    path = drives.settings.server.runtime / "smb" / "sessions.json"
    with drives.seated(), subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as other:
        (line,) = json.loads(path.read_bytes())
        drives.door.stop(signal.SIGKILL)
        wrong_start = [line[0], line[1] + 1, *line[2:]]
        path.write_text(json.dumps([[other.pid, *line[1:]], wrong_start, [10**9, *line[1:]]]))
        drives.publish_only(fred__mustermann={"locks": locked()})
        drives.door.start()
        assert connections(drives) == 0
        assert other.poll() is None
        assert other.stdin is not None
        other.stdin.close()
