"""What people make in their folders must not cost the others their copy."""

import os
import stat
from datetime import UTC, datetime

from appliance.backup import standing
from appliance.backup.run import copy


def test_a_path_too_long_to_be_copied_costs_nobody_else_the_copy(school):
    home = school.home()
    other = school.put(school.home("erika.lehmann") / "letter")
    school.put(school.data / "groups" / "klasse3a" / "list")
    folder = os.open(home, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=folder)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    made = copy(school.settings, lambda *_: None)
    done = school.copies / made["snapshot"]
    assert (done / "homes" / "erika.lehmann" / "letter").read_bytes() == other.read_bytes()
    assert (done / "groups" / "klasse3a" / "list").exists()
    assert any("some files of homes could not be copied" in warning for warning in made["warnings"])
    told = school.own_folder / "homes.complaints"
    assert "max-path" in told.read_text()
    assert stat.S_IMODE(told.stat().st_mode) == 0o600
    well, text = standing.judged(standing.read(school.own_folder), 3600, datetime.now(UTC))
    assert not well
    assert "fred" not in text
    _remove(home)
    assert copy(school.settings, lambda *_: None)["warnings"] == []
    assert not told.exists()
    assert standing.judged(standing.read(school.own_folder), 3600, datetime.now(UTC))[0]


def _remove(home):
    """Move each folder up before it is removed, as no path reaches down there."""
    top = home / ("d" * 200)
    while (inner := top / ("d" * 200)).exists():
        inner.rename(home / "next")
        top.rmdir()
        (home / "next").rename(top)
    top.rmdir()
