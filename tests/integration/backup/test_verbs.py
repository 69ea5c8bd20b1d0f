"""The way from the control socket to the second place and back, through supervisor and privileged process."""

import io
import os
import re
import stat
import subprocess
import tarfile

import pytest

from appliance.backup.recovery_key import read_sheet
from appliance.demo import sshd
from appliance.supervisor.client import ServerRefused
from tests.integration.support_pairing import waiting
from tests.integration.support_place import ROOT, placed
from tests.integration.support_ports import free_port
from tests.integration.support_school import ACCOUNTS, QUICK, School

LOGIN = "fred.mustermann"


@pytest.fixture
def school():
    with (
        placed(School, {**QUICK, "backup": sshd.settings_for(free_port())}, ACCOUNTS) as made,
        sshd.second_place(made.folder, made.settings, ROOT) as copies,
    ):
        made.copies = copies
        made.start()
        made.data.joinpath("mail").mkdir()  # the mail service's, which does not run here
        made.take_in()
        yield made


def test_copied_listed_and_restored_with_a_record(school):
    home = school.folder / "data" / "homes" / LOGIN
    letter = home / "letter"
    letter.write_bytes(b"words")
    os.chown(letter, home.stat().st_uid, home.stat().st_gid)
    made = school.call("backup.run")
    assert made["figures"]["files"] > 0
    listed = school.call("backup.list")
    assert [(one["name"], one["dump"]) for one in listed["snapshots"]] == [(made["snapshot"], True)]
    assert 0 < listed["free"] <= listed["total"]
    dump = school.copies.parent / "dumps" / f"{made['snapshot']}.age"
    key = school.folder / "second-place" / "recovery"
    opened = subprocess.run(["/usr/bin/age", "--decrypt", "-i", key, dump], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(opened)) as archive:
        exported = archive.extractfile("exports/directory.ldif").read().decode()
        assert f"uid={LOGIN},ou=people,dc=schule,dc=example" in exported
        assert "exports/supervisor/state.db" in archive.getnames()
    letter.unlink()
    came = school.call("restore", user=LOGIN, paths=["letter"])
    back = home / came["folder"] / "letter"
    assert back.read_bytes() == b"words"
    assert back.stat().st_uid == home.stat().st_uid
    with pytest.raises(ServerRefused):
        school.call("restore", user=LOGIN, paths=["another"])
    with pytest.raises(ServerRefused, match="no account"):
        school.call("restore", user="nobody.here", paths=["letter"])
    events = [event for event in school.events() if event["kind"] == "restored"]
    assert [(event["login"], event["snapshot"]) for event in events] == [(LOGIN, made["snapshot"])]
    assert "letter" not in str(events)
    told = school.call("backup.forget", login=LOGIN)
    assert school.call("backup.list")["forgetting"][0]["id"] == told["id"]
    assert school.call("backup.forget", login=LOGIN, undo=True)["taken_back"]
    with pytest.raises(ServerRefused, match="no snapshot has a home"):
        school.call("backup.forget", login="nobody.here")
    (asked, undone) = [event for event in school.events() if event["kind"] == "backup-forget"]
    assert (asked["login"], asked["undone"], undone["undone"]) == (LOGIN, "no", "yes")
    assert all(word not in log for word in ("letter", LOGIN) for log in school.logs().values())
    record = school.folder / "state" / "backup" / "record.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o640
    probe = school.when(
        lambda: [one for one in school.call("status")["probes"] if one["name"] == "backup" and one["ok"]]
    )
    assert probe[0]["text"].startswith("the last backup was made 0 h ago")


def test_paired_again_from_the_command_line(school):
    """The sheet is all that goes to standard output; no log has anything of it."""
    with waiting(school.folder) as server:
        words = ("backup", "pair", "127.0.0.1", "--port", str(server.port))
        assert "--again" in school_command(school, *words).stderr
        running = subprocess.Popen(
            command(school, *words, "--again"),
            env=environment(school),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        code = server.screen.code()
        server.say("y")
        sheet, said = running.communicate("y\n", timeout=60)
    assert running.returncode == 0, said
    assert f"{code[:4]} {code[4:]}" in said
    assert "target: schoolbackup-am-see@127.0.0.1" in said
    key, _ = read_sheet(sheet)
    assert (school.folder / "state" / "backup" / "recovery.pub").read_text() == f"{key.public_line}\n"
    secrets = re.findall(r"^ *K\d +(\S.*\S) *$", sheet, re.MULTILINE)
    assert len(secrets) == 4
    assert all(secret not in log for secret in secrets for log in school.logs().values())
    assert all(code not in log for log in school.logs().values())


def command(school, *words):
    return ("/usr/bin/python3", "-P", "-m", "appliance", *words)


def environment(school):
    return {**os.environ, "SCHOOLSERVER_CONTROL": str(school.control), "PYTHONPATH": str(ROOT)}


def school_command(school, *words):
    return subprocess.run(
        command(school, *words),
        env=environment(school),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
