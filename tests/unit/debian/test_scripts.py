"""Maintainer scripts: short, safe, and no older program over newer state; the one list of what has to be installed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from appliance.setup import resolver
from appliance.supervisor import state
from tests.unit.debian import reading

SCRIPTS = sorted(
    path for path in reading.DEBIAN.iterdir() if path.suffix in (".preinst", ".postinst", ".prerm", ".postrm")
)
INSTALL = reading.ROOT / "scripts" / "install-dependencies"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_maintainer_script_is_short_stops_at_errors_and_leaves_room_for_debhelper(path):
    text = path.read_text()
    assert text.startswith("#!/bin/sh\nset -e\n")
    assert text.endswith("#DEBHELPER#\n")
    assert len(text.splitlines()) <= 25
    assert subprocess.run(["/bin/sh", "-n", str(path)], check=False).returncode == 0


def preinst(folder: Path, action: str, known: int) -> subprocess.CompletedProcess[str]:
    text = (reading.DEBIAN / "schoolserver-common.preinst").read_text()
    text = text.replace("/var/lib/schoolserver", str(folder)).replace("#STATE_FORMAT#", str(known))
    return subprocess.run(["/bin/sh", "-c", text, "preinst", action], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("action", ["install", "upgrade"])
def test_an_older_program_is_refused_over_newer_state(tmp_path, action):
    (tmp_path / "state-format").write_text("4\n")
    refused = preinst(tmp_path, action, 3)
    assert refused.returncode == 1
    assert "format 4" in refused.stderr
    assert preinst(tmp_path, action, 4).returncode == 0
    assert preinst(tmp_path, action, 5).returncode == 0


def test_nothing_is_refused_on_a_fresh_machine_or_when_an_upgrade_is_taken_back(tmp_path):
    assert preinst(tmp_path, "install", 1).returncode == 0
    (tmp_path / "state-format").write_text("4\n")
    assert preinst(tmp_path, "abort-upgrade", 3).returncode == 0


def test_the_format_is_the_one_that_the_supervisor_writes():
    rules = (reading.DEBIAN / "rules").read_text()
    wanted = re.search(r"STATE_FORMAT = \$\(shell (.*)\)", rules)
    assert wanted
    said = subprocess.run(["/bin/sh", "-c", wanted[1]], cwd=reading.ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == f"{state.FORMAT}\n"


def wanted(tmp_path: Path, kind: str) -> list[str]:
    """What the script asks apt for; one that says that there is nothing to do."""
    log = tmp_path / "asked"
    fake = tmp_path / "apt-get"
    fake.write_text(f'#!/bin/sh\nfor word; do :; done\nprintf "%s\\n" "$word" >{log}\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", str(INSTALL), kind], env=environment, check=True)
    return [item.strip() for item in log.read_text().split(",")]


def test_what_the_demo_needs_is_gathered_over_all_packages(tmp_path):
    asked = wanted(tmp_path, "run-time")
    assert {
        "dovecot-core",
        "slapd (>= 2.5)",
        "python3-pyftpdlib (>= 1.5.7)",
        "swaks",
        "gettext",
        "openssh-server",
    } <= set(asked)
    assert not [item for item in asked if "$" in item or item.startswith("schoolserver") or not item or "<" in item]
    assert "debhelper-compat (= 13)" not in asked


def test_tests_need_everything_and_a_build_needs_little(tmp_path):
    everything, build = set(wanted(tmp_path, "all")), set(wanted(tmp_path, "build"))
    assert {"python3-pytest", "squid"} <= everything - build
    assert set(wanted(tmp_path, "run-time")) | build <= everything
    assert {"debhelper-compat (= 13)", "build-essential", "gettext"} <= build
    assert not [item for item in everything if "<" in item or "$" in item]


def purged(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    text = (reading.DEBIAN / "schoolserver-common.postrm").read_text()
    for folder in ("/etc/", "/var/", "/run/", "/srv/"):
        text = text.replace(f" {folder}", f" {tmp_path}{folder}").replace(f'"{folder}', f'"{tmp_path}{folder}')
    return subprocess.run(["/bin/sh", "-c", text, "postrm", "purge"], capture_output=True, text=True, check=True)


def test_purging_leaves_what_people_have_made_and_says_so(tmp_path):
    data = tmp_path / "srv/schoolserver"
    for name in ("homes/fred", "homes/schoolserver-probe", "mail/schoolserver-probe", "groups"):
        (data / name).mkdir(parents=True)
    for name in ("etc/schoolserver", "var/lib/schoolserver/auth", "etc/systemd/system/schoolserver-mail.socket.d"):
        (tmp_path / name).mkdir(parents=True)
    assert "stays in" in purged(tmp_path).stdout
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert not [path for path in left if path.startswith(("etc/", "var/lib/")) and "schoolserver" in path]
    assert {path for path in left if path.startswith("srv/schoolserver")} == {
        "srv/schoolserver",
        "srv/schoolserver/homes",
        "srv/schoolserver/homes/fred",
    }


def test_purging_where_nobody_was_leaves_nothing_and_is_silent(tmp_path):
    for name in ("homes", "mail/.tmp", "groups"):
        (tmp_path / "srv/schoolserver" / name).mkdir(parents=True)
    assert purged(tmp_path).stdout == ""
    assert not (tmp_path / "srv/schoolserver").exists()


def test_without_the_domain_the_machine_asks_for_names_as_before(tmp_path):
    before = "# by hand\nsearch schule.example\nnameserver 10.1.0.1\nnameserver 127.0.0.1\n"
    path = tmp_path / "etc" / "resolv.conf"
    path.parent.mkdir()
    path.write_text(resolver.with_domain(before))
    text = (reading.DEBIAN / "schoolserver-domain.postrm").read_text().replace("/etc/", f"{tmp_path}/etc/")
    subprocess.run(["/bin/sh", "-c", text, "postrm", "remove"], check=True)
    assert path.read_text() == before
    subprocess.run(["/bin/sh", "-c", text, "postrm", "remove"], check=True)
    assert path.read_text() == before, "what somebody wrote himself stays"


def test_no_other_script_touches_the_data():
    for path in SCRIPTS:
        if path.name not in ("schoolserver-common.postrm", "schoolserver-backup-server.postrm"):
            assert "/srv" not in path.read_text()
