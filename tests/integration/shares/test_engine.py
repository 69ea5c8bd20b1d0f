"""The helper's hand on Samba: new shares are tried by testparm, swapped in, and read by the running Samba."""

import os

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.support_domain import ROOT, possible

pytestmark = possible
_INSTALL = """
import sys
from pathlib import Path
from appliance.daemon.engine import EngineRefused
from appliance.privileged.engines import Samba
try:
    print(Samba(*map(Path, sys.argv[1:])).install(sys.stdin.read()))
except EngineRefused as refusal:
    print("refused:", refusal)
"""


@pytest.fixture
def install(drives):
    place = drives.domain.place
    before = place.shares.read_text()

    def run(text, main=place.config, running=place.runtime / "pid" / "smbd.pid"):
        """As the helper does it: without any network, and with its few rights."""
        rights = "-all,+chown,+dac_override,+fowner,+fsetid,+kill"
        argv = ["unshare", "--net", "setpriv", f"--bounding-set={rights}", "--inh-caps=-all", "--no-new-privs"]
        argv += ["/usr/bin/python3", "-P", "-c", _INSTALL, str(main), str(place.shares), str(running)]
        done = drives.domain.inside(argv, text, {"PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    yield run
    place.shares.write_text(before)
    drives.reload()


def test_what_is_new_is_served(drives, install):
    shares = drives.domain.place.shares
    text = shares.read_text()
    assert install(text) == "False"
    assert install(f"{text}\n[More]\n    path = /\n") == "True"
    eventually(lambda: "usr" in drives.do("fred.muster", "More", "ls"))
    assert shares.stat().st_mode & 0o777 == 0o600


def test_what_samba_cannot_read_is_refused(drives, install):
    before = drives.domain.place.shares.read_text()
    assert install("[Home\n    path = /\n").startswith("refused: /usr/bin/testparm does not accept")
    assert drives.domain.place.shares.read_text() == before


def test_without_a_domain_nothing_is_written(drives, install, tmp_path):
    before = drives.domain.place.shares.read_text()
    assert install("[More]\n    path = /\n", tmp_path / "smb.conf") == "refused: no domain is made yet"
    assert drives.domain.place.shares.read_text() == before


def test_where_samba_does_not_run_the_former_ones_come_back(drives, install, tmp_path):
    """A file that nobody holds a lock on was left by a Samba of before: its number may be anybody's by now."""
    before = drives.domain.place.shares.read_text()
    left = tmp_path / "smbd.pid"
    left.write_text(f"{os.getpid()}\n")
    assert install("[More]\n    path = /\n", running=left).startswith("refused: Samba does not run")
    assert drives.domain.place.shares.read_text() == before
