"""Forgetting in a store that the committer made, on ext4 and on btrfs; and what the next commit makes of it."""

import json
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.backup_server import btrfs as volumes
from appliance.backup_server import forget, forget_list
from appliance.backup_server.forget_rule import RIPENING
from appliance.backup_server.forgotten import forgotten
from tests.integration.backup_server import support_store
from tests.integration.support_btrfs import btrfs, hindrance

FRED, UID = "fred.mustermann", 20001


@pytest.fixture(params=["here", "btrfs"])
def school(request):
    if request.param == "here":
        with support_store.server() as server:
            yield people(server.school())
        return
    if hindrance():
        pytest.skip(hindrance())
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as folder, btrfs(Path(folder)):
        Path(folder).chmod(0o755)
        with support_store.server(Path(folder) / "copies") as server:
            yield people(server.school())


def people(school):
    for login in (FRED, "erika.lehmann"):
        (school.data / "homes" / login).mkdir()
        (school.data / "homes" / login / "letter").write_text(login)
        (school.data / "mail" / login).mkdir()
    return school


def request(school, **said):
    done = subprocess.run(
        [
            *support_store.as_user(school.uid),
            *support_store.PYTHON,
            *("--settings", str(school.server.conf), "receiver", school.name),
        ],
        env={**support_store._ENVIRONMENT, "SSH_ORIGINAL_COMMAND": "forget"},
        input=json.dumps(said).encode(),
        capture_output=True,
    )
    return done.returncode, done.stdout, done.stderr


def units(school, name):
    return sorted(one.name for one in (school.place.snapshots / name / "homes").iterdir())


def number(school, login=FRED):
    """Without numbers in sections the stored owner says whose it is."""
    return (school.data / "homes" / login).stat().st_uid or UID


def test_every_snapshot_loses_him_stays_read_only_and_the_next_commit_is_whole(school):
    for login, uid in ((FRED, UID), ("erika.lehmann", UID + 1)):
        if support_store.AS_ROOT:
            subprocess.run(["chown", str(uid), str(school.data / "homes" / login)], check=True)
    names = [school.copy(), school.copy()]
    code, answer, complaint = request(school, login=FRED, uid=number(school))
    assert code == 0, complaint
    assert FRED.encode() not in answer
    with school.at_rest():
        did = forget.work(school.place.folder, lambda: datetime.now(UTC) + RIPENING + timedelta(days=1))
    assert school.linked_ahead() == []
    assert (did.done, did.removed) == ((1, 4) if support_store.AS_ROOT else (1, did.removed))
    for name in names:
        assert FRED not in units(school, name)
        if volumes.is_subvolume(school.place.snapshots / name):
            with pytest.raises(OSError, match="Read-only"):
                (school.place.snapshots / name / "x").touch()
    gone = school.answer("begin")[0]["forgotten"]
    assert gone
    assert set(gone) <= forgotten(school.place.folder)
    kept = school.data / "homes" / FRED
    kept.rename(school.data / "away")
    (school.data / "mail" / FRED).rename(school.data / "away-mail")
    assert FRED not in units(school, school.copy())
    assert school.answer("list")[0]["forgetting"] == []


def test_the_recovery_key_cannot_ask(school):
    school.copy()
    assert school.ask("forget", "--read-only").returncode == 3
    assert school.ask("deleted put", "--read-only").returncode == 3
    assert school.ask("deleted", "--read-only").returncode == 0
    assert school.ask("forget something").returncode == 3
    assert school.ask("deleted x").returncode == 3
    assert forget_list.read(school.place.folder) == ()


def test_the_schools_own_user_can_change_neither_list(school):
    school.copy()
    request(school, login=FRED, uid=UID)
    if not support_store.AS_ROOT:
        pytest.skip("there is but one user")
    for name in ("forget/requests", "forget", "state.json"):
        path = Path(school.place.folder / name)
        done = subprocess.run([*support_store.as_user(school.uid), "rm", "-rf", str(path)], capture_output=True)
        assert path.exists(), done.stderr
