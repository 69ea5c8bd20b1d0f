"""The probe of the drives, run where Samba runs: it is right, and says what is wrong."""

import pytest

from tests.integration.shares.conftest import PASSWORD
from tests.integration.support_domain import ROOT, possible

pytestmark = possible
_PROBING = """
import sys
from pathlib import Path
from appliance.daemon.secret import Secret
from appliance.settings.load import load
from appliance.supervisor.probe import ProbeFailed, Visitor, WrongPassword
from appliance.supervisor.probe_shares import probe_shares
folder = Path(sys.argv[1])
try:
    probe_shares(Visitor(load(folder), "fred.muster", Secret(sys.stdin.readline().strip()), 5.0, folder / "ca.pem"))
except WrongPassword as failed:
    print("wrong password:", failed.text)
except ProbeFailed as failed:
    print(f"{failed.unit}: {failed.text}")
else:
    print("right")
"""


@pytest.fixture
def says(drives):
    def run(password=PASSWORD):
        argv = ["/usr/bin/python3", "-P", "-c", _PROBING, str(drives.domain.settings.folder)]
        done = drives.domain.inside(argv, f"{password}\n", {"PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def test_what_works_is_right_and_leaves_nothing(drives, says):
    assert says() == "right"
    assert not list(drives.home("fred.muster").iterdir())


def test_a_wrong_password_is_told_apart(says):
    assert says("Falsch-geraten-1").startswith("wrong password: ")


def test_shares_that_are_not_there(drives, says):
    place = drives.domain.place.shares
    before = place.read_text()
    try:
        place.write_text(before.replace("[Home]", "[Elsewhere]"))
        drives.reload()
        assert says().startswith("smb: SMB: the share does not open")
    finally:
        place.write_text(before)
        drives.reload()


def test_a_door_that_says_no(drives, says):
    place = drives.domain.place.shares
    before = place.read_text()
    try:
        place.write_text(before.replace("/bin/true enter", "/bin/false enter"))
        drives.reload()
        assert says().startswith("smb: SMB: the share does not open")
    finally:
        place.write_text(before)
        drives.reload()
