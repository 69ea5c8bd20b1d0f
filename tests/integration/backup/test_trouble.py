"""What goes wrong on the way: files that do not hold still, a line that breaks, a disk that is full."""

import contextlib
import os
import stat
import subprocess
from datetime import UTC, datetime

import psutil
import pytest

from appliance.backup import standing
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner
from appliance.backup.run import copy
from appliance.backup_server.manifest import Section
from tests.integration.backup.conftest import AS_ROOT, School

CHANGING = "looking again at what was sent"


def ran(school, at=None, act=None):
    """Make a backup; what ``act`` does is done when the run comes to the step ``at``."""
    told = []

    def tell(_done, _total, text):
        told.append(text)
        if text == at and told.count(text) == 1:
            act()

    return copy(school.settings, tell)


def test_files_that_change_grow_are_cut_off_and_go_while_they_are_copied(school):
    home = school.home()
    for name in ("same", "changing", "growing", "cut off", "going"):
        school.put(home / name, b"words" * 1000)
    school.put(home / "folder" / "inside")

    def disturb():
        (home / "changing").write_bytes(b"other" * 1000)
        with (home / "growing").open("ab") as file:
            file.write(b"more")
        os.truncate(home / "cut off", 7)
        (home / "going").unlink()
        (home / "folder").rename(home / "renamed")

    made = ran(school, CHANGING, disturb)
    figures = made["figures"]
    assert (figures["missing"], figures["unsettled"], figures["left_out"]) == (0, 0, 0)
    assert figures["gone"] == 3
    promised = school.check(made["snapshot"])["homes", "fred.mustermann"]
    assert promised == {b".", b"same", b"changing", b"growing", b"cut off"}
    came = school.copies / made["snapshot"] / "homes" / "fred.mustermann"
    for name in ("changing", "growing", "cut off"):
        assert (came / name).read_bytes() == (home / name).read_bytes()
    made = ran(school)
    assert b"renamed/inside" in school.check(made["snapshot"])["homes", "fred.mustermann"]


def test_a_file_that_never_holds_still_is_copied_and_marked(school):
    restless = school.put(school.home() / "restless", b"0")

    def disturb():
        with restless.open("ab") as file:
            file.write(b"1")

    made = copy(school.settings, lambda *_: disturb())
    assert made["figures"]["unsettled"] == 1
    assert made["figures"]["missing"] == 0
    folder = school.copies / made["snapshot"]
    assert (folder / "homes" / "fred.mustermann" / "restless").read_bytes().startswith(b"01")
    sections = [Section.decode(path.read_bytes()) for path in (folder / "sections").iterdir()]
    lines = [line for section in sections for line in section.lines if line.endswith(b" restless")]
    assert [line.split(b" ")[6] for line in lines] == [b"?"]
    made = ran(school)
    assert made["figures"]["unsettled"] == 0
    school.check(made["snapshot"])


def test_what_went_before_it_was_sent_is_no_trouble(school):
    home = school.home()
    school.put(home / "going")
    school.put(home / "staying")
    made = ran(school, "sending homes", (home / "going").unlink)
    assert made["figures"]["missing"] == 0
    assert made["figures"]["gone"] == 1
    assert made["left_out"] is None
    assert school.check(made["snapshot"])["homes", "fred.mustermann"] == {b".", b"staying"}


def test_a_line_that_breaks_is_told_and_the_next_run_goes_on(school):
    home = school.home()
    school.put(home / "letter")
    first = school.copy()
    big = school.put(home / "big", os.urandom(4_000_000))
    school.configure(bandwidth="1 MB")

    def cut(done, _total, text):
        if text == "sending homes" and done > 600:
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if child.name() == "ssh":
                        child.kill()

    with pytest.raises(BackupError) as caught:
        copy(school.settings, cut)
    assert caught.value.kind == "unreachable", caught.value.text
    record = standing.read(school.own_folder)
    assert (record.failures, record.progress) == (1, None)
    assert record.snapshot == first.name
    assert standing.judged(record, 3600, datetime.now(UTC))[0], "the last one is young enough"
    school.configure()
    made = ran(school)
    assert made["figures"]["sent"] < 3_000_000, "what had arrived was not sent again"
    school.check(made["snapshot"])
    assert (school.copies / made["snapshot"] / "homes" / home.name / "big").read_bytes() == big.read_bytes()
    assert standing.read(school.own_folder).failures == 0


def test_when_the_answer_is_lost_after_the_commit_nothing_is_sent_again(school, monkeypatch):
    def cut(runner, argv, each, said=b"", whole=Runner.follow):
        """The answer to the commit does not come."""
        if argv[-1] != "commit":
            return whole(runner, argv, each, said)
        whole(runner, argv, lambda _: None, said)
        raise BackupError("unreachable", "cut")

    school.put(school.home() / "big", os.urandom(500_000))
    monkeypatch.setattr(Runner, "follow", cut)
    with pytest.raises(BackupError, match="cut"):
        ran(school)
    monkeypatch.undo()
    made = ran(school)
    assert made["figures"]["changed"] == 0
    assert made["figures"]["sent"] < 100_000
    assert len(school.names()) == 2


def test_whose_memory_is_lost_sends_all_again_and_nothing_wrong(school):
    school.put(school.home() / "letter", b"words")
    school.copy()
    for path in (school.own_folder / "base", school.own_folder / "stamps" / "units.json"):
        path.unlink()
    made = ran(school)
    assert made["figures"]["changed"] == 2
    school.check(made["snapshot"])


def test_what_did_not_arrive_is_told_and_sent_by_the_next(school):
    home = school.home()
    school.put(home / "letter", b"words")
    school.put(home / "other", b"words")
    arrived = school.copies.parent / "incoming" / "homes" / "fred.mustermann" / "letter"
    made = ran(school, CHANGING, arrived.unlink)
    assert made["figures"]["missing"] == 1
    assert "1 of homes could not be copied" in made["left_out"]
    told = school.own_folder / "left-out"
    assert told.read_bytes() == b"homes/fred.mustermann/letter: did not arrive\n"
    assert stat.S_IMODE(told.stat().st_mode) == 0o600
    well, text = standing.judged(standing.read(school.own_folder), 3600, datetime.now(UTC))
    assert not well
    assert "letter" not in text
    made = ran(school)
    assert made["figures"]["changed"] == 1
    assert made["left_out"] is None
    assert not told.exists()
    school.check(made["snapshot"])


@pytest.fixture
def small():
    """A school whose second place has a small disk."""
    if not AS_ROOT:
        pytest.skip("needs a disk of its own")
    made = School()
    place = made.folder / "second-place"
    place.mkdir()
    image = made.folder / "image"
    with image.open("wb") as file:
        file.truncate(24_000_000)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-m", "0", image], check=True)
    if subprocess.run(["/usr/bin/mount", "-o", "loop", image, place], capture_output=True).returncode != 0:
        made.close()
        pytest.skip("nothing can be mounted here")
    try:
        made.start()
        yield made
    finally:
        made.stop()
        subprocess.run(["/usr/bin/umount", "--lazy", place], check=True)
        made.close()


def test_a_full_disk_over_there_is_told_and_what_was_there_stays(small):
    home = small.home()
    small.put(home / "letter")
    first = small.copy()
    big = small.put(home / "big", os.urandom(40_000_000))
    with pytest.raises(BackupError) as caught:
        ran(small)
    assert caught.value.kind == "disk"
    assert "the disk of the backup server is full" in caught.value.text
    assert small.names() == [first.name]
    big.unlink()
    made = ran(small)
    small.check(first.name)
    small.check(made["snapshot"])
