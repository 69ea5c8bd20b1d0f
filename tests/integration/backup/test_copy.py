"""Backups over a real ssh to a real sshd, by a real rsync, into a real committer."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
from datetime import UTC, datetime

import pytest

from appliance.backup import argv, standing
from appliance.backup.intent import second_place
from appliance.backup.problem import BackupError
from appliance.backup.run import copy, listing
from tests.integration.backup.conftest import AS_ROOT, LONG_AGO, ROOT, UID

RUN = ["/usr/bin/python3", "-P", "-m", "appliance.backup", "run", "--settings"]


def ran(school, told=None):
    return copy(school.settings, lambda *step: told.append(step) if told is not None else None)


def sent(school):
    """Make a backup; how many paths were sent."""
    return ran(school)["figures"]["changed"]


def test_everything_arrives_as_it_is(school):
    home = school.home()
    letter = school.put(home / "Documents" / "Brief über 'Äpfel' $x.odt", b"words")
    os.link(letter, home / "the same")
    (home / "link").symlink_to("/etc/passwd")
    os.mkfifo(home / "pipe")
    school.put(home / os.fsdecode(b"no \xff UTF-8\n"), b"bytes")
    school.put(school.data / "mail" / "fred.mustermann" / "cur" / "1.M2,S=4:2,S", uid=0)
    school.put(school.data / "mail" / "fred.mustermann" / "tmp" / "half", uid=0)
    school.put(school.data / "mail" / ".former-20261101-20001-gone.one" / "cur" / "1.M2,S=4:2,S", uid=0)
    for part, unit in (("mail", ".removed-1"), ("mail", ".spool"), ("mail", ".tmp"), ("homes", ".restoring-1")):
        school.put(school.data / part / unit / "left out", uid=0)
    school.put(home / ".schoolserver-upload-1", b"half")
    school.put(school.state / "audit" / "use.jsonl", b"{}\n", uid=0)
    school.put(school.state / "audit" / "refusals.db", b"not for long", uid=0)
    steps = []
    made = ran(school, steps)
    promised = school.check(made["snapshot"])
    assert promised["homes", "fred.mustermann"] == {
        b".",
        b"Documents",
        "Documents/Brief über 'Äpfel' $x.odt".encode(),
        b"link",
        b"no \xff UTF-8\n",
        b"pipe",
        b"the same",
    }
    assert {unit for part, unit in promised if part == "mail"} == {".former-20261101-20001-gone.one", "fred.mustermann"}
    assert promised["mail", "fred.mustermann"] == {b".", b"cur", b"cur/1.M2,S=4:2,S", b"tmp"}
    assert promised["audit", "."] == {b".", b"use.jsonl"}
    came = school.copies / made["snapshot"] / "homes" / "fred.mustermann"
    assert (came / "the same").samefile(came / letter.relative_to(home))
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    assert {total for _, total, _ in steps} == {1000}
    (listed,) = listing(school.settings)["snapshots"]
    assert listed == {"name": made["snapshot"], "dump": True}
    record = standing.read(school.own_folder)
    assert (record.snapshot, record.problem, record.progress, record.left_out) == (made["snapshot"], None, None, None)
    assert record.figures["sent"] > 0
    assert standing.judged(record, 60, datetime.now(UTC))[0]
    assert not (school.own_folder / "export").exists(), "exported databases lie open no longer than needed"


def test_the_dump_of_that_night_opens_with_the_recovery_key(school):
    (school.state / "supervisor").mkdir()
    with sqlite3.connect(school.state / "supervisor" / "state.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE person (login)")
        database.execute("INSERT INTO person VALUES ('fred')")
        database.commit()
        made = ran(school)
    dump = school.copies.parent / "dumps" / f"{made['snapshot']}.age"
    key = school.folder / "second-place" / "recovery"
    opened = subprocess.run(["/usr/bin/age", "--decrypt", "-i", key, dump], check=True, capture_output=True).stdout
    folder = school.folder / "opened"
    folder.mkdir()
    subprocess.run(["/usr/bin/tar", "-x", "-C", folder], input=opened, check=True)
    assert (folder / "settings" / "server.yaml").read_bytes() == (school.etc / "server.yaml").read_bytes()
    with sqlite3.connect(folder / "exports" / "supervisor" / "state.db") as exported:
        assert exported.execute("SELECT login FROM person").fetchall() == [("fred",)]
    assert not (folder / "state" / "backup").exists()
    assert stat.S_IMODE((school.own_folder / "outgoing").stat().st_mode) == 0o700


def test_only_what_changed_crosses_the_line(school):
    home = school.home()
    big = school.put(home / "big", os.urandom(2_000_000))
    for number in range(50):
        school.put(home / f"letter {number}", b"words")
    first = ran(school)
    assert first["figures"]["changed"] == 52
    assert first["figures"]["sent"] > 2_000_000
    second = ran(school)
    assert second["figures"]["changed"] == 0
    assert second["figures"]["sent"] < 60_000
    (home / "letter 7").write_bytes(b"other")
    third = ran(school)
    assert third["figures"]["changed"] == 1
    assert third["figures"]["sent"] < 60_000
    big.rename(home / "large")
    assert sent(school) == 2, "its folder, and the file under its other name"
    for name in school.names():
        school.check(name)
    old, new = (school.copies / name / "homes" / home.name for name in (first["snapshot"], third["snapshot"]))
    assert (old / "big").samefile(new / "big")
    assert ((old / "letter 7").read_bytes(), (new / "letter 7").read_bytes()) == (b"words", b"other")


CHANGES = {
    "content with its time put back": lambda path: (path.write_bytes(b"other"), os.utime(path, (LONG_AGO, LONG_AGO))),
    "mode": lambda path: path.chmod(0o600),
    "owner": lambda path: os.chown(path, UID + 7, UID + 7),
    "attribute": lambda path: os.setxattr(path, "user.DOSATTRIB", b"0x20"),
    "access list": lambda path: subprocess.run(["/usr/bin/setfacl", "-m", "u:12345:r", path], check=True),
    "Samba's list": lambda path: os.setxattr(path, "security.NTACL", b"\4\0samba"),
    "cut off": lambda path: os.truncate(path, 2),
    "a nanosecond": lambda path: os.utime(path, ns=(LONG_AGO * 10**9, LONG_AGO * 10**9 + 1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_comes_and_changes_no_earlier_snapshot(school, change):
    if change in ("owner", "Samba's list") and not AS_ROOT:
        pytest.skip("needs root")
    letter = school.put(school.home() / "letter", b"words")
    first = school.copy().name
    before = letter.stat().st_ctime_ns
    while letter.stat().st_ctime_ns == before:  # until the kernel's clock has gone on
        letter.chmod(0o640)
    sent(school)
    CHANGES[change](letter)
    assert sent(school) == 1
    assert school.check(first).keys() == school.check(school.names()[-1]).keys()
    assert (school.copies / first / "homes" / "fred.mustermann" / "letter").read_bytes() == b"words"


def test_a_sparse_file_stays_sparse(school):
    path = school.put(school.home() / "sparse", b"")
    with path.open("r+b") as file:
        file.truncate(200_000_000)
        file.seek(100_000_000)
        file.write(b"middle")
    school.own(path)
    came = school.copy() / "homes" / "fred.mustermann" / "sparse"
    assert came.stat().st_size == 200_000_000
    assert came.stat().st_blocks * 512 < 10_000_000


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sh",
        "rm -rf .",
        "rsync --server -lHogDtpAXre.iLsfxCIvu --inplace . snapshots/homes/",
        "begin; id",
        "list --x",
    ],
)
def test_the_key_opens_nothing_else(school, command):
    words = (*argv.ssh(second_place(school.settings)), "--", "127.0.0.1", *([command] if command else []))
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    assert done.returncode == 3
    assert "refused: " in done.stderr
    assert done.stdout == ""


def test_without_answer(bare):
    with pytest.raises(BackupError) as caught:
        ran(bare)
    assert caught.value.kind == "not-set-up"
    bare.start()
    bare.stop()
    with pytest.raises(BackupError) as caught:
        ran(bare)
    assert caught.value.kind == "unreachable"
    record = standing.read(bare.own_folder)
    assert (record.problem, record.failures) == (caught.value.text, 1)


def test_another_machine_in_its_place_gets_nothing(school, tmp_path):
    make = ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")]
    subprocess.run(make, check=True)
    school.trust((tmp_path / "other.pub").read_text())
    with pytest.raises(BackupError) as caught:
        ran(school)
    assert caught.value.kind == "unreachable"
    assert not list(school.copies.iterdir())


def test_a_missing_disk_is_no_empty_backup(school):
    school.put(school.home() / "letter")
    school.copy()
    (school.data / "homes").rename(school.data / "away")
    with pytest.raises(BackupError, match="is its disk mounted") as caught:
        ran(school)
    assert caught.value.kind == "unreadable"
    assert len(school.names()) == 1


def test_a_second_run_while_one_runs_is_told_so_and_one_that_is_stopped_is_gone_on_with(bare):
    bare.configure(bandwidth="256 KiB")
    bare.start()
    content = os.urandom(3_000_000)
    big = bare.put(bare.home() / "big", content)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*RUN, str(bare.etc)], env=environment, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        done, _, text = json.loads(line)["progress"]
        if text == "sending homes" and done > 400:
            break
    busy = subprocess.run([*RUN, str(bare.etc)], env=environment, capture_output=True, text=True, timeout=30)
    assert json.loads(busy.stdout)["error"]["kind"] == "busy"
    assert standing.read(bare.own_folder).progress[2] == "sending homes"
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=30)[0]
    assert process.returncode == 1
    assert json.loads(rest.splitlines()[-1])["error"]["kind"] == "stopped"
    assert standing.read(bare.own_folder).problem == "it was stopped"
    assert bare.names() == []
    bare.configure()
    made = ran(bare)
    assert made["figures"]["sent"] < 2_500_000, "what had arrived was not sent again"
    assert (bare.copies / made["snapshot"] / "homes" / "fred.mustermann" / "big").read_bytes() == big.read_bytes()
    bare.check(made["snapshot"])
    assert standing.read(bare.own_folder).problem is None
