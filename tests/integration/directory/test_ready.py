"""The wait for slapd's first answer, which the unit of the directory stands on."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from appliance.directory.slapd.ready import wait
from tests.integration.support_slapd import start_slapd


@pytest.fixture
def folder():
    place = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def test_it_ends_when_slapd_answers_and_not_before(folder):
    with start_slapd(folder) as slapd:
        done = subprocess.run(
            ["/usr/bin/python3", "-m", "appliance.directory.slapd.ready", "--settings", str(slapd.settings.folder)],
            check=False,
            timeout=60,
        )
        assert done.returncode == 0


def test_it_gives_up_on_a_socket_that_nobody_listens_on(folder):
    began = time.monotonic()
    assert not wait(folder / "no.sock", 0.2)
    assert 0.2 <= time.monotonic() - began < 5


def test_wrong_settings_are_told_apart(folder):
    (folder / "mail.yaml").write_text("nonsense: 1\n")
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "appliance.directory.slapd.ready", "--settings", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "mail.yaml:1" in done.stderr
