"""The command before it does anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.cli.main import main
from appliance.setup.questions import example


def test_only_root_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for arguments in (["setup"], ["setup", "--dry-run"], ["setup", "certificates", "--install", "a", "b"]):
        done = CliRunner().invoke(main, arguments)
        assert (done.exit_code, done.output) == (1, "Error: setup has to be run as root: sudo schoolserver setup\n")


def test_an_answer_file_is_printed_to_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert CliRunner().invoke(main, ["setup", "--print-answers"]).output == example()


def test_a_missing_answer_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    done = CliRunner().invoke(main, ["setup", "--answers", "/nowhere/answers.yaml"])
    assert done.exit_code == 2
    assert "answers.yaml: found a file that cannot be read (No such file or directory)" in done.output


def test_the_daily_renewal_needs_nothing_that_its_sandbox_hides() -> None:
    """psutil looks at /proc/stat when it is imported, which ProtectProc and ProcSubset hide."""
    root = Path(__file__).resolve().parents[3]
    program = "import sys, appliance.setup.renew; sys.exit('psutil' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
