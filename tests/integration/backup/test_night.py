"""The run that systemd's timer starts: what it says on the way, and whether it is tried again."""

import os
import socket
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from appliance.backup import standing
from tests.integration.backup.conftest import ROOT


@pytest.fixture
def systemd(tmp_path):
    """The socket at which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def night(school, systemd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": systemd.getsockname()}
    argv = ["/usr/bin/python3", "-P", "-m", "appliance.backup", "night", "--settings", str(school.etc)]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120)


def heard(systemd):
    said = []
    while True:
        try:
            said.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return said


def test_it_says_how_far_it_is_and_logs_counts_only(school, systemd):
    school.put(school.home() / "diary")
    done = night(school, systemd)
    assert (done.returncode, done.stdout) == (0, "")
    said = heard(systemd)
    assert said[0].startswith("STATUS=databases, 0 %")
    assert any("sending homes" in line for line in said)
    assert "2 files, 2 changed" in done.stderr
    assert not [word for word in ("fred", "diary") if word in done.stderr or any(word in line for line in said)]
    assert standing.read(school.own_folder).succeeded is not None


def test_where_no_backup_server_is_named_there_is_nothing_to_do(bare, systemd):
    bare.configure(target="null")
    assert night(bare, systemd).returncode == 0
    assert not (bare.own_folder / "record.json").exists()


def test_what_failed_is_tried_again_but_not_all_night(bare, systemd):
    assert night(bare, systemd).returncode == 3, "there is no key yet"
    bare.start()
    bare.stop()
    done = night(bare, systemd)
    assert done.returncode == 1
    assert "no backup was made" in done.stderr
    record = standing.read(bare.own_folder)
    assert (record.failures, record.progress) == (1, None)
    standing.write(bare.own_folder, replace(record, failures=5, tried=datetime.now(UTC)), None)
    assert night(bare, systemd).returncode == 3
    assert night(bare, systemd).returncode == 3


def test_wrong_settings_are_not_tried_again(bare, systemd):
    (bare.etc / "backup.yaml").write_text("at: 01:30\n")
    done = night(bare, systemd)
    assert done.returncode == 2
    assert "at" in done.stdout + done.stderr
