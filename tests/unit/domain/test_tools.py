"""What a failure means for the carer, and the lock that keeps two Sambas from one folder."""

import os
from pathlib import Path

import pytest

from appliance.directory.domain.tools import explained, run, sole_use
from appliance.directory.engine_tools import CannotPrepare

WAY = "Traceback (most recent call last):\n  File x\nldb.LdbError: (1, 'No space left on device')"


def test_a_known_failure_is_told_by_what_to_do(tmp_path):
    text = explained(tmp_path, WAY)
    assert text.startswith(f"{tmp_path}: the disk is full; make room there")
    assert "Traceback" not in text
    assert "LdbError" in text


def test_an_unknown_one_is_told_whole(tmp_path):
    assert explained(tmp_path, "Traceback\nodd") == f"{tmp_path}: Traceback\nodd"


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (("/usr/bin/no-such-program",), "the package schoolserver-domain brings it"),
        (("/bin/sh", "-c", "echo the reason >&2; exit 3"), "the reason"),
        (("/bin/sh", "-c", "echo only here; exit 3"), "only here"),
    ],
)
def test_a_program_that_fails(tmp_path, argv, text):
    with sole_use(tmp_path) as lock, pytest.raises(CannotPrepare, match=text):
        run(argv, tmp_path, lock)


def test_one_at_a_time_and_a_helper_that_still_runs_counts(tmp_path):
    with sole_use(tmp_path) as lock:
        with pytest.raises(CannotPrepare, match="another Samba"), sole_use(tmp_path, 0.0):
            pass
        helper = os.dup(lock)  # as a program has it that was started with the lock
    with pytest.raises(CannotPrepare, match="another Samba"), sole_use(tmp_path, 0.0):
        pass
    os.close(helper)
    with sole_use(tmp_path, 0.0):
        assert Path(tmp_path / "in-use").exists()
