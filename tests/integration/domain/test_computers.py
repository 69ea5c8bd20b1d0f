"""``schoolserver pcs``: PCs get an account and a file, on the domain's own database."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.domain.conftest import School
from tests.integration.support_domain import ROOT, RunningDomain, possible

pytestmark = possible


@pytest.fixture
def domain(school: School) -> RunningDomain:
    return school.domain


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the files are written."""
    tmp_path.chmod(0o700)
    yield tmp_path


def _pcs(domain: RunningDomain, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command itself; it speaks with no network."""
    return subprocess.run(
        ("/usr/bin/python3", "-m", "appliance", "pcs", *arguments),
        cwd=ROOT,
        env={**os.environ, "SCHOOLSERVER_SETTINGS": str(domain.settings.folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def _once(folder: Path, name: str) -> str:
    lines = (folder / f"{name}.sh").read_text().splitlines()
    return next(line.removeprefix("once=") for line in lines if line.startswith("once="))


def _ticket(domain: RunningDomain, name: str, password: str) -> bool:
    return domain.inside(["kinit", f"{name.upper()}$"], text=f"{password}\n").returncode == 0


def test_each_pc_gets_a_file_of_its_own_for_root_alone(domain: RunningDomain, folder: Path) -> None:
    done = _pcs(domain, "add", "--folder", str(folder), "pc-12-01", "pc-12-02")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["pc-12-01.sh", "pc-12-02.sh"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    assert {"pc-12-01", "pc-12-02"} <= set(_pcs(domain, "list").stdout.split())
    assert _ticket(domain, "pc-12-01", _once(folder, "pc-12-01"))
    assert not _ticket(domain, "pc-12-02", _once(folder, "pc-12-01"))


def test_added_again_it_has_another_password(domain: RunningDomain, folder: Path) -> None:
    _pcs(domain, "add", "--folder", str(folder), "pc-12-03")
    first = _once(folder, "pc-12-03")
    assert _pcs(domain, "add", "--folder", str(folder), "pc-12-03").returncode == 0
    assert not _ticket(domain, "pc-12-03", first)
    assert _ticket(domain, "pc-12-03", _once(folder, "pc-12-03"))


def test_removed_it_is_nobody(domain: RunningDomain, folder: Path) -> None:
    _pcs(domain, "add", "--folder", str(folder), "pc-12-04")
    assert _pcs(domain, "remove", "pc-12-04").returncode == 0
    assert "pc-12-04" not in _pcs(domain, "list").stdout
    assert not _ticket(domain, "pc-12-04", _once(folder, "pc-12-04"))
    again = _pcs(domain, "remove", "pc-12-04")
    assert (again.returncode, again.stderr) == (1, "pc-12-04: no PC of this name is in the domain\n")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("server", "that of a server of the domain"),
        ("pc-12-with-a-long-name", "at most 15"),
        ("-pc/4711", "at most 15"),
    ],
)
def test_other_names_are_refused_and_nothing_is_made(
    domain: RunningDomain, folder: Path, name: str, reason: str
) -> None:
    """Above all, no file and no new password for the server itself."""
    done = _pcs(domain, "add", "--folder", str(folder), "--", "pc-12-09", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
    assert not list(folder.iterdir())
    assert "pc-12-09" not in _pcs(domain, "list").stdout


def test_a_server_of_the_domain_is_not_removed(domain: RunningDomain) -> None:
    done = _pcs(domain, "remove", "server")
    assert (done.returncode, done.stderr) == (1, "server: this name is that of a server of the domain\n")


def test_without_a_domain_it_says_so(domain: RunningDomain, tmp_path: Path) -> None:
    other = tmp_path / "settings"
    other.mkdir()
    (other / "school.yaml").write_text("domain: schule.example\n")
    folders = "".join(f"{name}: {tmp_path}/{name}\n" for name in ("state", "runtime", "data"))
    (other / "server.yaml").write_text(folders)
    done = subprocess.run(
        ("/usr/bin/python3", "-m", "appliance", "pcs", "list"),
        cwd=ROOT,
        env={**os.environ, "SCHOOLSERVER_SETTINGS": str(other)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no domain of its own (directory.yaml: kind)" in done.stderr
