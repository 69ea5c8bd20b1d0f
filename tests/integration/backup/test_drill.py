"""Drills of a backup that is well: what is restored and compared, verified, signed and told; and no false alarm."""

import fcntl
import json
import logging
import os
import shutil
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.backup import drill_standing
from appliance.backup.drill import report
from appliance.backup.problem import BackupError
from appliance.backup.weekly import AGAIN, weekly
from appliance.backup_server import forgotten
from appliance.backup_server.manifest import Section
from appliance.supervisor.drill_row import check_drill
from tests.integration.backup.support_drill import FRED, OLGA, PAULA, PEOPLE, Damage, drilled

WORDS = (*PEOPLE, "Brief", "Mathe", "klasse3a")


@pytest.fixture(scope="module")
def backed():
    """A school with one snapshot, to be left as it was found."""
    with drilled() as school:
        yield school, school.back_up()


@pytest.fixture
def school():
    with drilled() as made:
        yield made


def test_a_backup_that_is_well_is_proved(backed, caplog):
    school, snapshot = backed
    caplog.set_level(logging.INFO)
    done = school.drill(first=True)
    assert done["well"], school.findings(done)
    assert done["snapshot"] == snapshot.name
    assert done["tried"] == {
        "pupil": [2, 6],
        "teacher": [1, 3],
        "office": [1, 3],
        "groups": [1, 2],
        "mailbox": [1, 3],
    }
    assert (done["slices"], done["files"], done["dumped"]) == ([0, 1, 2, 3], 12 + 10 + 2 + 2, True)
    assert done["findings"] is None
    assert "drill: 17 restored and compared, 26 verified, 0 faults" in caplog.text
    assert school.drill()["slices"] == [0]


def test_a_result_is_signed_kept_and_told_without_anybody_in_it(backed, caplog):
    school, snapshot = backed
    letter = Damage(snapshot / "homes" / FRED / "Mathe" / "Brief.odt")
    letter.flipped_bit()
    done = school.drill(first=True)
    letter.flipped_bit()
    assert not done["well"]
    drills = school.own_folder / "drills"
    kept = drill_standing.files(drills)[0]
    key = school.own_folder / "ssh" / "key.pub"
    signers = school.folder / "signers"
    signers.write_text(f"school {key.read_text()}")
    words = ("-I", "school", "-n", "schoolserver-drill", "-f", str(signers), "-s", str(kept.with_suffix(".sig")))
    with kept.open("rb") as file:
        assert subprocess.run(["ssh-keygen", "-Y", "verify", *words], stdin=file, check=False).returncode == 0
    page = report(school.settings, "en")["page"]
    assert "personal files                    1: another content" in page
    assert "that was checked for this page" in " ".join(page.split())
    assert "anderer Inhalt" in report(school.settings, None)["page"]
    row = check_drill(school.settings, datetime.now(UTC))
    assert (row["ok"], "1 fault(s) in homes" in row["text"]) == (False, True)
    told = (kept.read_text(), page, row["text"], caplog.text)
    assert not [word for word in WORDS for text in told if word in text]
    findings = done["findings"]
    assert json.loads(Path(findings).read_text())["path"] == "Mathe/Brief.odt"
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (findings, os.path.dirname(findings), kept)] == [
        0o600,
        0o700,
        0o640,
    ]
    kept.write_text(kept.read_text().replace('"content": 1', '"content": 2'))
    assert "does NOT fit" in " ".join(report(school.settings, "en")["page"].split())


def test_strange_files_are_no_fault(school):
    home = school.data / "homes" / FRED
    uid = home.stat().st_uid
    strange = os.fsencode(home) + b"/\xff\xfe \n\\ name"
    with open(strange, "wb") as file:
        file.write(b"no UTF-8")
    os.chown(strange, uid, uid)
    with (home / "sparse").open("wb") as file:
        file.seek(50_000_000)
        file.write(b"end")
    os.link(home / "Mathe" / "Brief.odt", home / "the same")
    (home / "link").symlink_to("/etc/passwd")
    (home / "broken").symlink_to("nowhere")
    os.mkfifo(home / "pipe")
    (home / "empty folder").mkdir(mode=0o2770)
    subprocess.run(["setfacl", "-m", "u:65534:rwx,d:u:65534:rwx", str(home / "Mathe")], check=True)
    os.setxattr(home / "sparse", "user.comment", b"mine")
    empty = school.data / "homes" / PAULA
    shutil.rmtree(empty / "Mathe")
    os.utime(empty, (1, 1))
    school.back_up()
    assert school.sampled() == set()
    assert school.verified() == set()
    done = school.drill()
    assert (done["well"], done["tried"]["teacher"]) == (True, [1, 1])
    assert done["tried"]["pupil"][1] > 10


def test_who_was_forgotten_is_no_fault(school):
    snapshot = school.back_up()
    place = school.backed.place.folder
    for path in (snapshot / "sections").iterdir():
        if Section.trusted(path.read_bytes()).unit == OLGA:
            forgotten.add(place, [path.name])
            path.unlink()
    shutil.rmtree(snapshot / "homes" / OLGA)
    shutil.rmtree(snapshot / "mail" / OLGA)
    assert school.verified() == set()
    school.people = {login: role for login, role in PEOPLE.items() if login != OLGA}
    school.publish()
    assert school.sampled() == set()


def test_what_is_newer_than_the_snapshot_is_no_fault(school):
    school.back_up()
    school.put(school.data / "homes" / FRED / "Mathe" / "Brief.odt", b"other words")
    shutil.rmtree(school.data / "homes" / PAULA)
    school.people = {**PEOPLE, "nora.neu": PEOPLE[FRED]}
    school.publish()
    assert school.drill()["well"]


def test_a_backup_server_that_is_away_is_told_and_tried_again(backed, caplog):
    school, _ = backed
    port = school.settings.backup.port
    school.configure(port=1)
    try:
        with pytest.raises(BackupError) as told:
            school.drill(first=True)
        assert told.value.kind == "unreachable"
        assert weekly(school.settings, lambda _: None) == AGAIN
        row = check_drill(school.settings, datetime.now(UTC))
        assert "no drill yet" in row["text"]
        assert "gives no answer" in row["text"]
        assert not [word for word in WORDS if word in caplog.text]
    finally:
        school.configure(port=port)
    assert school.drill()["well"]
    assert "gives no answer" not in check_drill(school.settings, datetime.now(UTC))["text"]


def test_before_anything_was_backed_up(school):
    with pytest.raises(BackupError, match="nothing to try yet"):
        school.drill()


def test_two_drills_at_once_are_one_too_many(backed):
    school, _ = backed
    with (school.own_folder / "drill.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BackupError, match="under way already"):
            school.drill()
