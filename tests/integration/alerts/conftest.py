"""One running school on a small disk of its own, with a smarthost outside."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from appliance.daemon.identities import Identities
from tests.integration.alerts.smarthost import LOGIN, PASSWORD, smarthost
from tests.integration.support_school import running

SIZE, RESERVE = 128_000_000, 24_000_000
CARER, INSIDE = "carer@town.example", "erika.lehmann@schule.example"
ROSTER = """Import-ID;Vorname;Nachname;Klasse;Rolle;Geburtsdatum
1;Fred;Mustermann;3a;pupil;01.02.2017
2;Jürgen;Groß;3a;pupil;02.03.2017
3;Anna-Lena;Müller-Lüdenscheidt;;teacher;
4;Erika;Lehmann;;teacher;
"""


@contextlib.contextmanager
def small_disk(size):
    """A file system of ``size`` bytes that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", folder], capture_output=True, check=False
    )
    try:
        if mounted.returncode:
            pytest.skip("no file system may be mounted here")
        yield folder
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def school():
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    with small_disk(SIZE) as disk, smarthost(disk / "outside") as host:
        password = disk / "password"
        password.write_text(PASSWORD)
        password.chmod(0o640)
        settings = {
            "server": {
                "state": str(disk / "state"),
                "data": str(disk / "data"),
                "probe_interval": "1 s",
                "reserve": f"{RESERVE} B",
            },
            "directory": {"argon2_memory": "1 MiB", "argon2_time": 1},
            "alerts": {
                "to": [CARER, INSIDE],
                "smarthost": f"localhost:{host.port}",
                "ca": str(disk / "ca.pem"),
                "login": LOGIN,
                "password_file": str(password),
                "after": "10 s",
            },
        }
        shutil.copy(host.ca, disk / "ca.pem")
        (disk / "ca.pem").chmod(0o644)
        with running(settings) as made:
            os.chown(password, 0, Identities(made.settings.server).of("supervisor").gid)
            made.disk, made.smarthost = disk, host
            made.bring_in(ROSTER)
            yield made
