"""The text at log-in, as pam_motd gets it: a script of root's over a file of the supervisor's."""

import os
import subprocess
import time

import pytest

from tests.integration.support_place import ROOT


@pytest.fixture
def shown(tmp_path):
    """What a log-in shows; ``set-up`` and ``banner`` lie in the test's folder."""

    def run():
        environment = {
            "PATH": "/usr/bin:/bin",
            "SCHOOLSERVER_SET_UP": str(tmp_path / "set-up"),
            "SCHOOLSERVER_BANNER": str(tmp_path / "banner"),
        }
        done = subprocess.run([ROOT / "scripts" / "update-motd"], env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout

    return run


def test_before_setup_nothing_is_shown(shown):
    assert shown() == b""


def test_what_the_supervisor_says_is_shown_and_nothing_while_all_is_well(shown, tmp_path):
    (tmp_path / "set-up").touch()
    (tmp_path / "banner").write_text("")
    assert shown() == b""
    (tmp_path / "banner").write_text("schoolserver is NOT WELL for 3 min: probe mail. See: schoolserver status\n")
    assert b"NOT WELL for 3 min: probe mail" in shown()


@pytest.mark.parametrize("cause", ["missing", "old"])
def test_a_supervisor_that_says_nothing_is_told(shown, tmp_path, cause):
    (tmp_path / "set-up").touch()
    if cause == "old":
        (tmp_path / "banner").write_text("")
        os.utime(tmp_path / "banner", (time.time() - 600, time.time() - 600))
    assert b"the supervisor does not run" in shown()


def test_no_control_character_reaches_the_terminal_and_no_flood(shown, tmp_path):
    (tmp_path / "set-up").touch()
    (tmp_path / "banner").write_bytes(b"\x1b]0;x\x07\x9bred\r\n" + b"y" * 100_000)
    text = shown()
    assert text.startswith(b"]0;xred\ny")
    assert len(text) < 2100
