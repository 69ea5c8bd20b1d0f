"""Who gets into a drive over SMB, how much he may put there, and when he has to leave; real smbd, real smbclient."""

import contextlib
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.directory.short import short_name
from appliance.fileshare.smb.guests import SETTLE
from appliance.policy.account import Lock
from appliance.policy.decision import Limits
from appliance.policy.lessons import Lesson, Measure
from appliance.policy.limits import LimitTable
from appliance.usage.weight import LEAST
from tests.integration.demo.waiting import eventually
from tests.integration.smb.drives import CLASS, FRED, FRIDA, LIMIT, LONG, Drives
from tests.integration.support_domain import possible

pytestmark = possible
MANY = 120


def locked() -> tuple[Lock, ...]:
    return (Lock(None, datetime(2026, 9, 1, tzinfo=UTC), None),)


# who comes in


@pytest.mark.parametrize(
    "user",
    [
        FRED,
        FRED.upper(),
        f"SCHULE/{FRED}",
        f"{FRED}@schule.example",
        short_name(LONG),
        f"SCHULE/{short_name(LONG).upper()}",
    ],
)
def test_whatever_somebody_calls_himself_he_gets_into_his_own_home(drives: Drives, user: str) -> None:
    drives.home(FRED if "fred" in user.lower() else LONG).joinpath("mine").touch()
    assert "mine" in drives.smbclient("Home", "ls", user)


def test_who_is_locked_gets_in_nowhere_and_the_domain_stays_open_to_him(drives: Drives) -> None:
    drives.publish(fred__mustermann={"locks": locked()})
    eventually(lambda: "NT_STATUS" in drives.smbclient("Home", "ls"))
    assert "NT_STATUS" in drives.smbclient("Groups", "ls")
    assert "NT_STATUS" not in drives.smbclient("sysvol", "ls")


def test_only_the_staff_has_its_share(drives: Drives) -> None:
    assert "NT_STATUS" in drives.smbclient("Staff", "ls")
    assert "blocks available" in drives.smbclient("Staff", "ls", FRIDA)


def test_nobody_gets_in_while_the_door_is_away(drives: Drives) -> None:
    drives.door.stop()
    try:
        # its socket is still there, as systemd keeps it, but nobody answers
        assert "NT_STATUS" in drives.smbclient("Home", "ls")
    finally:
        drives.door.start()
    assert "blocks available" in drives.smbclient("Home", "ls")


# who has to leave


def test_a_lock_ends_the_session_within_two_seconds(drives: Drives) -> None:
    with drives.seated() as fred, drives.seated("Home", FRIDA) as frida:
        assert fred.here()
        assert frida.here()
        drives.publish(fred__mustermann={"locks": locked()})
        eventually(lambda: not fred.here(), within=2)
        assert frida.here()


def test_a_new_password_ends_the_session(drives: Drives) -> None:
    with drives.seated() as fred:
        assert fred.here()
        drives.publish(fred__mustermann={"password_changed_at": datetime.now(UTC) + timedelta(seconds=1)})
        eventually(lambda: not fred.here(), within=2)


def test_who_leaves_a_group_has_to_come_in_anew(drives: Drives) -> None:
    with drives.seated("Groups") as fred:
        assert CLASS in fred("list")
        drives.publish(fred__mustermann={"groups": ()})
        eventually(lambda: not fred.here(), within=2)


def test_an_exam_ends_the_session_and_leaves_the_home_alone(drives: Drives) -> None:
    with drives.seated("Groups") as fred, drives.seated("Groups", FRIDA) as frida:
        assert CLASS in fred("list")
        now = datetime.now(UTC)
        drives.publish(lessons=(Lesson(1, Measure.EXAM, now, now + timedelta(hours=1), CLASS),))
        eventually(lambda: not fred.here(), within=2)
        assert frida.here()
    assert "NT_STATUS" in drives.smbclient("Groups", "ls")
    eventually(lambda: datetime.now(UTC) - now > 2 * SETTLE)  # who comes sooner may have come before it was known
    with drives.seated() as fred:
        drives.publish(lessons=(Lesson(1, Measure.EXAM, now, now + timedelta(hours=2), CLASS),))
        assert fred.here()
    drives.publish()
    assert CLASS in drives.smbclient("Groups", "ls")


def test_a_door_that_was_killed_knows_the_sessions_again(drives: Drives) -> None:
    with drives.seated() as fred:
        assert fred.here()
        drives.door.stop(signal.SIGKILL)
        drives.door.start()
        assert fred.here()
        drives.publish(fred__mustermann={"locks": locked()})
        eventually(lambda: not fred.here(), within=2)


# how much


def test_a_file_as_large_as_allowed_is_stored_and_counted(drives: Drives) -> None:
    source = drives.local("just", LIMIT)
    assert "NT_STATUS" not in drives.smbclient("Home", f"put {source} just")
    assert drives.home().joinpath("just").read_bytes() == source.read_bytes()
    eventually(lambda: drives.counted() == LIMIT)
    assert not drives.ask("cuts")["cuts"]


def test_a_larger_one_is_cut_taken_away_and_its_owner_is_to_be_told(drives: Drives) -> None:
    source = drives.local("large", LIMIT + 100_000)
    assert "NT_STATUS_DISK_FULL" in drives.smbclient("Home", f"mkdir sub; cd sub; put {source} large")
    eventually(lambda: not drives.home().joinpath("sub", "large").exists())
    (cut,) = eventually(lambda: drives.ask("cuts")["cuts"])
    assert (cut["login"], cut["path"], cut["removed"]) == (FRED, "Home/sub/large", True)
    assert "large" not in drives.log.read_text()
    drives.ask("cuts-told", ids=[cut["id"]])
    assert not drives.ask("cuts")["cuts"]


def test_a_cut_upload_to_the_class_goes_and_the_others_files_stay(drives: Drives) -> None:
    other = drives.group().joinpath("others")
    other.write_bytes(bytes(LIMIT + 1))
    source = drives.local("large", LIMIT + 100_000)
    assert "NT_STATUS_DISK_FULL" in drives.smbclient("Groups", f"cd {CLASS}; put {source} large")
    eventually(lambda: not drives.group().joinpath("large").exists())
    assert other.exists()


def test_what_was_there_before_is_never_taken_away(drives: Drives) -> None:
    old = drives.home().joinpath("old")
    drives.smbclient("Home", f"put {drives.local('old', 1000)} old")
    eventually(lambda: drives.counted() == LEAST)
    eventually(lambda: not drives.settings.server.runtime.joinpath("smb", "sessions.json").read_text().strip("[]"))
    eventually(lambda: _later_than(old))
    assert "NT_STATUS_DISK_FULL" in drives.smbclient("Home", f"put {drives.local('large', LIMIT + 5000)} old")
    (cut,) = eventually(lambda: drives.ask("cuts")["cuts"])
    assert not cut["removed"]
    assert old.exists()


def test_a_new_limit_holds_for_who_is_there(drives: Drives) -> None:
    source = drives.local("file", LIMIT + 100_000)
    with drives.seated() as fred:
        assert not fred.put(source, "one")
        drives.publish(LimitTable(Limits(2 * LIMIT, LIMIT)))
        eventually(lambda: fred.put(source, "two"))


def test_a_full_account_makes_room_and_writes_again(drives: Drives) -> None:
    drives.settle()
    quota = {"quota": 3_000_000}
    drives.publish(fred__mustermann=quota)
    whole, more = drives.local("whole", 2_900_000), drives.local("more", 400_000)
    assert "NT_STATUS" not in drives.smbclient("Home", f"put {whole} whole")
    eventually(lambda: drives.counted() == 2_900_000)
    assert "NT_STATUS_DISK_FULL" in drives.smbclient("Home", f"put {more} more")
    eventually(lambda: not drives.home().joinpath("more").exists())
    drives.home().joinpath("filler").write_bytes(bytes(200_000))
    assert "NT_STATUS" not in drives.smbclient("Home", "ls")  # he is counted when he has gone: he is over it
    eventually(lambda: drives.counted() >= 3_000_000)
    with drives.seated() as fred:
        assert not fred.put(more, "more")
        assert " 1 blocks available" in drives.smbclient("Home", "ls")
        assert fred("remove", "whole") is True
        eventually(lambda: fred.put(more, "again"))


def test_the_quota_is_the_size_of_the_drive(drives: Drives) -> None:
    drives.settle()
    drives.publish(fred__mustermann={"quota": 10 << 20})
    eventually(lambda: "10240 blocks of size 1024. 10240 blocks available" in drives.smbclient("Home", "ls"))


def test_many_connections_and_files_get_little_farther_than_the_quota(drives: Drives) -> None:
    drives.settle()
    quota, size = 20_000_000, 1_000_000
    drives.publish(fred__mustermann={"quota": quota})
    source = drives.local("part", size)
    with contextlib.ExitStack() as stack:
        pcs = [stack.enter_context(drives.seated()) for _ in range(3)]
        put = sum(pc.put(source, f"{each}-{number}") for number in range(MANY) for each, pc in enumerate(pcs))
        assert put >= quota // size - 1
        assert not any(pc.put(source, "last") for pc in pcs)
    beyond = sum(each.stat().st_size for each in drives.home().iterdir()) - quota
    print(f"{beyond} bytes beyond the quota")
    assert beyond < quota, "about what three PCs write in a second"


def test_who_may_write_nothing_opens_as_many_files_as_others(drives: Drives) -> None:
    """The limit is one on smbd's own tables, too."""
    drives.home().joinpath("full").write_bytes(bytes(1_000_000))
    drives.settle()
    drives.publish(fred__mustermann={"quota": 1000})
    with drives.seated() as fred:
        assert fred("hold", 1500) is True
        assert not fred.put(drives.local("more", 1000), "more")


def _later_than(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > 3
