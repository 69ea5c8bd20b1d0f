"""Copies over a real ssh to a real sshd, by a real rsync."""

import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.backup import argv, standing
from appliance.backup.intent import second_place
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner
from appliance.backup.run import copy, listing
from appliance.backup.setup import set_up, trust
from tests.integration.backup.conftest import AS_ROOT, LONG_AGO, ROOT, UID

RUN = ["/usr/bin/python3", "-P", "-m", "appliance.backup", "run", "--settings"]


def facts(path):
    found = path.lstat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), found.st_size, int(found.st_mtime)


def test_everything_arrives_as_it_is(school):
    home = school.home()
    letter = school.put(home / "Documents" / "Brief über 'Äpfel' $x.odt", b"words")
    os.link(letter, home / "the same")
    (home / "link").symlink_to("/etc/passwd")
    school.put(school.data / "mail" / "fred.mustermann" / "cur" / "1.M2,S=4:2,S", uid=0)
    school.put(school.data / "mail" / "fred.mustermann" / "tmp" / "half", uid=0)
    school.put(school.data / "mail" / ".former-20261101-20001-gone.one" / "cur" / "1.M2,S=4:2,S", uid=0)
    school.put(school.data / "mail" / ".removed-1" / "cur" / "1.M2,S=4:2,S", uid=0)
    school.put(home / ".schoolserver-upload-1", b"half")
    school.put(school.data / "homes" / ".restoring-1" / "fred" / "letter")
    (school.state / "supervisor").mkdir()
    with sqlite3.connect(school.state / "supervisor" / "state.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE person (login)")
        database.execute("INSERT INTO person VALUES ('fred')")
        database.commit()
        steps = []
        made = copy(school.settings, lambda *step: steps.append(step))
    done = school.copies / made["snapshot"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}", done.name)
    assert [path.name for path in school.copies.iterdir() if path.name != ".lock"] == [done.name]
    came = done / "homes" / "fred.mustermann"
    for path in (letter, home, letter.parent):
        assert facts(path) == facts(done / "homes" / path.relative_to(school.data / "homes"))
    assert (came / letter.relative_to(home)).read_bytes() == b"words"
    assert (came / "the same").samefile(came / letter.relative_to(home))
    if AS_ROOT:  # otherwise the link is kept as a file with a note beside it
        assert (came / "link").readlink() == Path("/etc/passwd")
    assert sorted(path.name for path in came.iterdir()) == ["Documents", "link", "the same"]
    assert [path.name for path in (done / "homes").iterdir()] == ["fred.mustermann"]
    assert (done / "mail" / "fred.mustermann" / "cur" / "1.M2,S=4:2,S").exists()
    assert not list((done / "mail" / "fred.mustermann" / "tmp").iterdir())
    assert sorted(path.name for path in (done / "mail").iterdir()) == [
        ".former-20261101-20001-gone.one",
        "fred.mustermann",
    ]
    assert (done / "settings" / "server.yaml").read_bytes() == (school.etc / "server.yaml").read_bytes()
    assert not (done / "state" / "backup").exists()
    exported = sqlite3.connect(done / "exports" / "supervisor" / "state.db")
    assert exported.execute("SELECT login FROM person").fetchall() == [("fred",)]
    exported.close()
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    assert steps[-1][0] == steps[-1][1]
    assert listing(school.settings)["snapshots"] == [done.name]
    record = standing.read(school.own_folder)
    assert (record.snapshot, record.problem) == (done.name, None)
    assert standing.judged(record, 60, datetime.now(UTC))[0]


def test_what_did_not_change_is_shared_and_the_past_stays_as_it_was(school):
    home = school.home()
    same, mode, text = (school.put(home / name, name.encode() * 1000) for name in ("same", "mode", "text"))
    first = school.copy() / "homes" / home.name
    before = {name: facts(first / name) for name in ("same", "mode", "text")}
    mode.chmod(0o600)
    text.write_bytes(b"other")
    second = school.copy() / "homes" / home.name
    assert (first / "same").samefile(second / "same")
    assert {name: facts(first / name) for name in before} == before
    assert facts(second / "mode") == facts(mode)
    assert (first / "text").read_bytes() == b"text" * 1000
    assert (second / "text").read_bytes() == b"other"
    assert same.exists()


def test_a_change_within_the_same_second_is_seen(school):
    letter = school.put(school.home() / "letter", b"one")
    os.utime(letter, ns=(LONG_AGO * 10**9, LONG_AGO * 10**9 + 1))
    first = school.copy() / "homes" / "fred.mustermann" / "letter"
    letter.write_bytes(b"two")
    os.utime(letter, ns=(LONG_AGO * 10**9, LONG_AGO * 10**9 + 2))
    second = school.copy() / "homes" / "fred.mustermann" / "letter"
    assert (first.read_bytes(), second.read_bytes()) == (b"one", b"two")


def test_an_interrupted_copy_changes_no_earlier_one(school):
    """Going on in what was interrupted would set mode and owner of files that the earlier copy shares."""
    home = school.home()
    letter = school.put(home / "letter", b"x" * 5000, mode=0o640)
    first = school.copy()
    place, words = second_place(school.settings), Runner(None, school.own_folder / "complaints")
    bases = words.ask(argv.ask(place, "begin"))["bases"]
    homes = next(part for part in _parts(school) if part.name == "homes")
    words.rsync(argv.copy(place, homes, bases))
    assert (school.copies / "incoming" / "homes" / home.name / "letter").stat().st_nlink == 2
    letter.chmod(0o600)
    second = school.copy()
    assert stat.S_IMODE((first / "homes" / home.name / "letter").stat().st_mode) == 0o640
    assert stat.S_IMODE((second / "homes" / home.name / "letter").stat().st_mode) == 0o600
    assert sorted(path.name for path in school.copies.iterdir()) == sorted([".lock", first.name, second.name])


def _parts(school):
    from appliance.backup.intent import parts

    return parts(school.settings)


def test_stopped_in_the_middle_and_made_whole_by_the_next(bare):
    bare.configure(bandwidth="64 KiB")
    bare.start()
    big = bare.put(bare.home() / "big", os.urandom(3_000_000))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*RUN, str(bare.etc)], env=environment, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if json.loads(line)["progress"][2] == "homes":
            break
    busy = subprocess.run([*RUN, str(bare.etc)], env=environment, capture_output=True, text=True, timeout=30)
    assert json.loads(busy.stdout)["error"]["kind"] == "busy"
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=30)[0]
    assert process.returncode == 1
    assert json.loads(rest.splitlines()[-1])["error"]["kind"] == "stopped"
    assert standing.read(bare.own_folder).problem == "it was stopped"
    assert listing(bare.settings)["snapshots"] == []
    bare.configure()
    done = bare.copy()
    assert (done / "homes" / "fred.mustermann" / "big").read_bytes() == big.read_bytes()
    assert standing.read(bare.own_folder).problem is None


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sh",
        "rm -rf .",
        "rsync --server -lHogDtpAXre.iLsfxCIvu --inplace . incoming/homes/",
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


def test_a_copy_cannot_be_written_to_or_removed_once_it_is_finished(school):
    school.put(school.home() / "letter")
    done = school.copy()
    place, runner = second_place(school.settings), Runner(None, school.own_folder / "complaints")
    part = replace(_parts(school)[0], name="homes")
    words = [word.replace("incoming/", f"{done.name}/") for word in argv.copy(place, part, [])]
    with pytest.raises(BackupError):
        runner.rsync(words)
    with pytest.raises(BackupError):
        runner.rsync([*argv.copy(place, part, [])[:-1], "--delete", f"127.0.0.1:{done.name}/homes/"])
    assert (done / "homes" / "fred.mustermann" / "letter").read_bytes() == b"mine"


def test_without_answer(bare):
    with pytest.raises(BackupError) as caught:
        copy(bare.settings, lambda *_: None)
    assert caught.value.kind == "not-set-up"
    bare.start()
    bare.stop()
    with pytest.raises(BackupError) as caught:
        copy(bare.settings, lambda *_: None)
    assert caught.value.kind == "unreachable"
    assert standing.read(bare.own_folder).problem == caught.value.text


def test_another_machine_in_its_place_gets_nothing(school, tmp_path):
    make = ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")]
    subprocess.run(make, check=True)
    trust(school.settings, (tmp_path / "other.pub").read_text())
    with pytest.raises(BackupError) as caught:
        copy(school.settings, lambda *_: None)
    assert caught.value.kind == "unreachable"
    assert not list(school.copies.iterdir())


def test_a_missing_disk_is_no_empty_copy(school):
    school.put(school.home() / "letter")
    school.copy()
    (school.data / "homes").rename(school.data / "away")
    with pytest.raises(BackupError, match="is its disk mounted") as caught:
        copy(school.settings, lambda *_: None)
    assert caught.value.kind == "unreadable"
    assert len(listing(school.settings)["snapshots"]) == 1


def test_setting_up_shows_fingerprints_and_trusts_the_one_that_was_compared(school):
    known = second_place(school.settings).known_hosts
    before = known.read_text()
    known.unlink()
    shown = set_up(school.settings)
    assert shown["line"].startswith('restrict,command="')
    assert (len(shown["found"]), shown["trusted"]) == (1, False)
    with pytest.raises(BackupError):
        set_up(school.settings, "SHA256:other")
    assert set_up(school.settings, shown["found"][0])["trusted"]
    assert known.read_text().split() == before.split()[:3]


@pytest.mark.skipif(not AS_ROOT, reason="needs a second user")
def test_a_second_place_without_root_keeps_owners_beside_the_files(bare, monkeypatch):
    place = bare.folder / "elsewhere"
    place.mkdir()
    os.chown(place, 65534, 65534)
    remote = bare.folder / "remote"
    receiver = ROOT / "appliance" / "backup" / "receiver.py"
    copied = bare.folder / "receiver.py"
    copied.write_bytes(receiver.read_bytes())
    remote.write_text(
        '#!/bin/bash\nwhile [ "$1" != "--" ] && [ "$1" != 127.0.0.1 ]; do\n'
        '[ "$1" = -M ] && { echo connected; exec sleep 60; }\nshift; done\n[ "$1" = "--" ] && shift\nshift\n'
        f'export SSH_ORIGINAL_COMMAND="$*"\n'
        f"exec setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/python3 -I {copied} {place}\n"
    )
    remote.chmod(0o755)
    monkeypatch.setattr(argv, "ssh", lambda _place: (str(remote),))
    own = bare.own_folder / "ssh"
    own.mkdir(parents=True)
    for name in ("key", "known_hosts"):
        own.joinpath(name).touch()
    letter = bare.put(bare.home() / "letter", b"mine", mode=0o400)
    copy(bare.settings, lambda *_: None)
    made = place / copy(bare.settings, lambda *_: None)["snapshot"] / "homes" / "fred.mustermann"
    assert (made / "letter").stat().st_uid == 65534
    assert (made / "letter").stat().st_nlink == 2
    draft = bare.folder / "draft"
    draft.mkdir()
    runner = Runner(None, bare.own_folder / "complaints")
    path = "homes/fred.mustermann/letter"
    runner.rsync(argv.fetch(second_place(bare.settings), made.parent.parent.name, path, draft))
    assert facts(draft / path) == facts(letter) == (UID, UID, 0o400, 4, LONG_AGO)
