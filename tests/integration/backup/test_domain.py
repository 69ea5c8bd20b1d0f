"""The domain in the nightly copy: whole while Samba serves, and an account is found in what was copied."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from appliance.backup.export import export
from appliance.backup.problem import BackupError
from appliance.directory.client import connect
from appliance.policy.account import Role
from tests.integration.support_domain import possible, start_domain

pytestmark = possible


@pytest.fixture
def short():
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def test_the_domain_is_copied_whole_while_it_serves_and_comes_back(short):
    with start_domain(short) as domain:
        supervisor = connect(domain.settings, "supervisor")
        try:
            supervisor.create_account(
                login="fred.muster", uid=20000, given_name="Fred", surname="Muster", role=Role.PUPIL
            )
            target = short / "export"
            export(domain.settings, target)
            assert supervisor.find("fred.muster") is not None
            supervisor.remove_account("fred.muster")
        finally:
            supervisor.close()
        archive = target / "domain" / "domain.tar.bz2"
        assert archive.stat().st_mode & 0o077 == 0
        assert os.listdir(target / "domain") == ["domain.tar.bz2"]
        (short / "back").mkdir()
        subprocess.run(["tar", "-xjf", archive, "-C", short / "back"], check=True)
        beside = sorted(path.name for path in (short / "back" / "etc").iterdir())
        assert beside == ["administrator.password", "made-for", "smb.conf"], "and nothing that comes and goes"
        found = subprocess.run(
            ["ldbsearch", "-H", short / "back" / "private" / "sam.ldb", "(uid=fred.muster)", "uidNumber"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "uidNumber: 20000" in found.stdout
        assert (short / "back" / "sysvol.tar.gz").stat().st_size > 0
        domain.kill()
        place = domain.place.folder  # by hand, on a domain from which somebody is gone
        domain.place.private.rename(place / "private.before")
        subprocess.run(["tar", "-xjf", archive, "-C", place, "private", "state"], check=True)
        marked = (
            "dn: @SAMBA_DSDB\nchangetype: modify\ndelete: backupDate\n-\ndelete: backupType\n-\ndelete: sidForRestore\n"
        )
        subprocess.run(
            ["ldbmodify", "-H", place / "private" / "sam.ldb"], input=marked, text=True, check=True, capture_output=True
        )
        domain.start()
        supervisor = connect(domain.settings, "supervisor")
        try:
            assert supervisor.find("fred.muster").uid == 20000
        finally:
            supervisor.close()


def test_a_domain_that_cannot_be_read_is_told(short):
    with start_domain(short) as domain:
        domain.kill()
        shutil.rmtree(domain.place.private)
        with pytest.raises(BackupError, match="the domain cannot be exported"):
            export(domain.settings, short / "export")
