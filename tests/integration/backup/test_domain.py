"""The domain in the nightly copy: whole while Samba serves, and an account is found in what was copied."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from appliance.backup.export import export
from appliance.backup.intent import parts
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


def test_the_domain_is_copied_whole_while_it_serves(short):
    with start_domain(short) as domain:
        supervisor = connect(domain.settings, "supervisor")
        try:
            supervisor.create_account(
                login="fred.muster", uid=20000, given_name="Fred", surname="Muster", role=Role.PUPIL
            )
            target = short / "export"
            export(domain.settings, target)
            assert supervisor.find("fred.muster") is not None
        finally:
            supervisor.close()
        archive = target / "domain" / "domain.tar.bz2"
        assert archive.stat().st_mode & 0o077 == 0
        assert os.listdir(target / "domain") == ["domain.tar.bz2"]
        (short / "back").mkdir()
        subprocess.run(["tar", "-xjf", archive, "-C", short / "back"], check=True)
        found = subprocess.run(
            ["ldbsearch", "-H", short / "back" / "private" / "sam.ldb", "(uid=fred.muster)", "uidNumber"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "uidNumber: 20000" in found.stdout
        assert (short / "back" / "sysvol.tar.gz").stat().st_size > 0
        state = next(part for part in parts(domain.settings) if part.name == "state")
        assert "/domain" in state.without, "what lies there is being written"


def test_a_domain_that_cannot_be_read_is_told(short):
    with start_domain(short) as domain:
        domain.kill()
        shutil.rmtree(domain.place.private)
        with pytest.raises(BackupError, match="the domain cannot be exported"):
            export(domain.settings, short / "export")
