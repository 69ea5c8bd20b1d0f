"""How much each unit may, as systemd itself rates it, and that no line of a sandbox stands there without its reason."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.debian import reading

ANALYZE = "/usr/bin/systemd-analyze"
MOST = {
    "supervisor": 1.5,
    "auth": 1.5,
    "audit": 1.5,
    "mail": 1.5,
    "outbound": 1.5,
    "autoconfig": 1.0,
    "proxy": 1.5,
    "directory": 1.5,
    "ldap-port": 1.5,
    "privileged": 2.0,
    "certificates": 2.0,
    "imap": 3.5,  # Dovecot changes users and shuts itself in
    "fileshare": 3.5,
    "backup": 3.5,
    "backup@": 3.5,
    "drill": 3.5,
    "smb": 2.5,  # it sees into Samba's processes and reads every home
    "guard": 2.0,
    "firewall": 2.0,
    "lists": 1.5,
    "lists@": 1.5,
    "resolver": 1.5,
    "time": 3.5,  # chrony sets the clock and changes users
    "domain": 5.0,  # a domain controller serves files and policies as whoever asks, and marks them with SYS_ADMIN
}
# Whose state a part may write, where that is not its own alone: Dovecot's configuration, keytabs.
WRITES = {
    "drill": ("backup",),
    "privileged": ("imap", "domain", "mail", "proxy"),
    "guard": ("domain",),
    "smb": ("smb", "domain"),
    "outbound": ("mail",),
    "lists": ("filter",),
}
# What says how a service runs, and not what it may.
PLAIN = {
    *("Type", "NotifyAccess", "ExecStart", "ExecStartPre", "ExecStartPost", "ExecReload", "Sockets", "Restart", "RestartSec"),
    *(
        "RestartPreventExitStatus",
        "WatchdogSec",
        "TimeoutStartSec",
        "TimeoutStopSec",
        "Environment",
        "WorkingDirectory",
    ),
    *(
        "StandardInput",
        "StandardOutput",
        "StandardError",
        "SyslogIdentifier",
        "LimitNOFILE",
        "KillMode",
        "ExecStopPost",
    ),
}
# Whose they are is said by the user's own name; the folders of a service are its own.
SELF_EXPLAINING = {"User", "UMask", "ReadWritePaths", "SystemCallArchitectures", "SupplementaryGroups"}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder with our units as they are installed."""
    place = tmp_path_factory.mktemp("root")
    units = place / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for path in reading.units("*"):
        shutil.copy(path, units)
    shared = units / "schoolserver-.service.d"
    shared.mkdir()
    shutil.copy(reading.UNITS / "shared/service.conf", shared / "schoolserver.conf")
    for folder in ("etc", "run", "var"):
        (place / folder).mkdir()
    return place


def rated(root: Path, name: str, most: float) -> subprocess.CompletedProcess[str]:
    argv = [
        ANALYZE,
        "security",
        "--offline=yes",
        f"--root={root}",
        f"--threshold={round(most * 10)}",
        "--no-pager",
        name,
    ]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_every_service_has_its_bound():
    assert {f"schoolserver-{name}.service" for name in MOST} == {path.name for path in reading.units("*.service")}


@pytest.mark.skipif(not Path(ANALYZE).exists(), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", MOST)
def test_a_unit_may_no_more_than_its_bound(root, name):
    done = rated(root, f"schoolserver-{name}.service", MOST[name])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


@pytest.mark.skipif(not Path(ANALYZE).exists(), reason="systemd-analyze is not installed")
def test_the_shared_lines_are_part_of_what_is_rated(root):
    assert rated(root, "schoolserver-audit.service", 0.1).returncode != 0
    shared = root / "usr/lib/systemd/system/schoolserver-.service.d/schoolserver.conf"
    kept = shared.read_text()
    try:
        shared.write_text("")
        assert rated(root, "schoolserver-audit.service", 1.5).returncode != 0
    finally:
        shared.write_text(kept)


@pytest.mark.parametrize(
    "path", [*reading.units("*.service"), reading.UNITS / "shared/service.conf"], ids=lambda path: path.name
)
def test_each_line_of_a_sandbox_says_its_reason(path):
    bare = [
        line.key
        for line in reading.lines(path)
        if line.section == "Service" and line.key not in PLAIN | SELF_EXPLAINING and not line.reason
    ]
    assert bare == []


def test_who_changes_users_is_root_without_saying_so():
    """From systemd 254 on a User= of root with a filter of system calls loses CAP_SETUID."""
    for path in reading.units("*.service"):
        if "CAP_SETUID" in reading.values(path, "Service", "CapabilityBoundingSet"):
            assert reading.value(path, "Service", "User") is None, path.name


def test_no_service_may_write_another_parts_state():
    for path in reading.units("*.service"):
        part = path.stem.removeprefix("schoolserver-").rstrip("@")
        if part in ("backup", "certificates"):
            continue  # both are for all parts, and say so
        own = WRITES.get(part, (part,))
        for place in reading.values(path, "Service", "ReadWritePaths"):
            if place.removeprefix("-").startswith("/var/lib/schoolserver"):
                assert place.rpartition("/")[2] in own, path.name
                assert place.startswith("-") == (part == "privileged"), "it starts where another part is not installed"
