"""The second machine's package: units that say their whole sandbox themselves, settings that are the program's own."""

import configparser
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from appliance.backup_server.settings import Settings, load
from tests.unit.debian import reading
from tests.unit.debian.test_sandbox import ANALYZE, PLAIN, SELF_EXPLAINING

UNITS = reading.UNITS / "backup-server"
SERVICES = sorted(UNITS.glob("*.service"))
SETTINGS = reading.DEBIAN / "backup-server" / "schoolserver-backup-server.conf"
MOST = {
    "schoolbackup-committer@.service": 2.0,
    "schoolbackup-forget.service": 2.0,
    "schoolbackup-watch.service": 3.5,  # whichever sendmail is installed has to work below it
}


@pytest.mark.skipif(not Path(ANALYZE).exists(), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_unit_may_no_more_than_its_bound(tmp_path, path):
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    shutil.copy(path, units)
    for folder in ("etc", "run", "var"):
        (tmp_path / folder).mkdir()
    argv = (ANALYZE, "security", "--offline=yes", f"--root={tmp_path}", "--no-pager")
    most = f"--threshold={round(MOST[path.name] * 10)}"
    done = subprocess.run((*argv, most, path.name), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_each_line_of_a_sandbox_says_its_reason(path):
    bare = [
        line.key
        for line in reading.lines(path)
        if line.section == "Service" and line.key not in PLAIN | SELF_EXPLAINING and not line.reason
    ]
    assert bare == []


def test_the_lines_that_the_schools_units_share_do_not_matter_here():
    """A machine may have both packages; systemd reads schoolserver-.service.d for every unit whose name begins so."""
    for path in UNITS.iterdir():
        assert path.name.startswith("schoolbackup-")
        assert "schoolserver.target" not in path.read_text()
        assert "ConditionPathExists" not in path.read_text()


def test_what_a_school_says_reaches_no_network():
    for name in ("schoolbackup-committer@.service", "schoolbackup-forget.service"):
        assert reading.value(UNITS / name, "Service", "PrivateNetwork") == "yes"
        assert reading.value(UNITS / name, "Service", "RestrictAddressFamilies") == "AF_UNIX"
        assert reading.values(UNITS / name, "Service", "ReadWritePaths") == ["/srv/copies"]


def test_the_socket_is_where_the_program_looks_and_for_schools_only():
    path = UNITS / "schoolbackup-committer.socket"
    assert reading.value(path, "Socket", "ListenStream") == str(Settings().socket)
    assert reading.value(path, "Socket", "SocketMode") == "0660"
    group = reading.value(path, "Socket", "SocketGroup")
    assert f"g {group} " in (reading.DEBIAN / "schoolserver-backup-server.sysusers").read_text()


def test_each_unit_that_starts_by_itself_is_enabled_by_the_package():
    rules = (reading.DEBIAN / "rules").read_text()
    for path in (*UNITS.glob("*.timer"), *UNITS.glob("*.socket")):
        assert reading.value(path, "Install", "WantedBy") in ("timers.target", "sockets.target")
        assert path.name in rules


def test_the_settings_that_are_installed_change_nothing_and_name_what_there_is():
    assert load(SETTINGS) == Settings()
    shown = configparser.ConfigParser()
    shown.read_string("\n".join(line.removeprefix("#") for line in _options()))
    told = {key: value for section in shown.sections() for key, value in shown.items(section)}
    kept = {field.name: str(getattr(Settings(), field.name)) for field in fields(Settings)}
    assert told.items() <= kept.items()
    assert kept.keys() - told.keys() == {"folder", "socket"}, "these two are known to the units"


def _options() -> list[str]:
    """The lines of the file that are options or sections, and no explanation."""
    lines = SETTINGS.read_text().splitlines()
    return [line for line in lines if line.startswith("[") or (line.startswith("#") and not line.startswith("# "))]
