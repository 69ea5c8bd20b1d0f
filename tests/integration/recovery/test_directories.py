"""A directory made of the night's export: slapd's and the domain's, on a machine that never had one."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from appliance.backup.export import export
from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, connect
from appliance.directory.slapd.embedded import SERVICES, embedded
from appliance.policy.account import Role
from tests.integration.support_domain import possible, start_domain
from tests.integration.support_slapd import ROOT, start_slapd, write_settings

_PASSWORD = Secret("Schöner-Tag-7")


@pytest.fixture
def short():
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def _enroll(settings):
    supervisor, auth = connect(settings, "supervisor"), connect(settings, "auth")
    try:
        supervisor.create_account(login="fred.muster", uid=20000, given_name="Fred", surname="Muster", role=Role.PUPIL)
        auth.set_password("fred.muster", _PASSWORD, must_change=False)
    finally:
        supervisor.close()
        auth.close()


def _is_back(settings):
    supervisor, auth = connect(settings, "supervisor"), connect(settings, "auth")
    try:
        assert supervisor.find("fred.muster").uid == 20000
        return auth.check("fred.muster", _PASSWORD)
    finally:
        supervisor.close()
        auth.close()


def _bring_back(settings, kind, path):
    argv = ["/usr/bin/python3", "-P", "-m", f"appliance.directory.{kind}", "--settings", settings.folder]
    return subprocess.run(
        [*argv, "--bring-back", path],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_slapd_serves_whom_it_had(short):
    with start_slapd(short / "old") as old:
        _enroll(old.settings)
        exported = short / "export"
        export(old.settings, exported)
    settings = write_settings(short / "new")
    for name in SERVICES:  # these come with the state
        target = embedded(settings).passwords[name]
        target.parent.mkdir(parents=True)
        shutil.copy(embedded(old.settings).passwords[name], target)
    done = _bring_back(settings, "slapd", exported / "directory.ldif")
    assert (done.returncode, done.stderr) == (0, "")
    with start_slapd(short / "new", settings):
        assert _is_back(settings) is Checked.GOOD


def test_slapd_is_not_made_of_half_an_export(short):
    settings = write_settings(short)
    (short / "half.ldif").write_text("dn: dc=schule,dc=example\nobjectClass: nonsense\n", encoding="ascii")
    done = _bring_back(settings, "slapd", short / "half.ldif")
    assert done.returncode == 1
    assert "slapadd" in done.stderr
    assert not embedded(settings).database.exists()


def test_a_database_that_is_there_stays(short):
    with start_slapd(short / "old") as old:
        _enroll(old.settings)
        (short / "other.ldif").write_text("dn: dc=schule,dc=example\n", encoding="ascii")
    assert _bring_back(old.settings, "slapd", short / "other.ldif").returncode == 0
    with start_slapd(short / "old", old.settings):
        assert _is_back(old.settings) is Checked.GOOD


@possible
def test_the_domain_serves_whom_it_had_with_its_group_policies(short):
    for name in ("old", "new"):
        (short / name).mkdir()
    short.chmod(0o711)
    with start_domain(short / "old") as old:
        _enroll(old.settings)
        mine = old.place.sysvol / old.place.name / "Policies" / "Ours.txt"
        mine.write_text("ours", encoding="ascii")
        exported = short / "export"
        export(old.settings, exported)
        administrator = old.administrator
    with start_domain(short / "new", made=False, started=False) as new:
        for path in old.place.passwords.values():
            target = new.settings.server.state / path.relative_to(old.settings.server.state)
            target.parent.mkdir(parents=True)
            shutil.copy(path, target)
        done = subprocess.run(
            new.program("", "--bring-back", str(exported / "domain" / "domain.tar.bz2")),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        new.start()
        assert _is_back(new.settings) is Checked.GOOD
        assert new.administrator == administrator
        assert (new.place.sysvol / old.place.name / "Policies" / "Ours.txt").read_text(encoding="ascii") == "ours"
        checked = new.inside(["samba-tool", "ntacl", "sysvolcheck", f"--configfile={new.place.config}"])
        assert checked.returncode == 0, checked.stderr
