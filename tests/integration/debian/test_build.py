"""The packages as they are built: the same bytes each time, nothing for lintian to complain about, whole."""

import hashlib
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.debian import reading

BUILD = reading.ROOT / "scripts" / "build-packages"
PACKAGES = {"schoolserver", "schoolserver-backup-server", *(f"schoolserver-{part}" for part in reading.PARTS)}

pytestmark = pytest.mark.skipif(not shutil.which("dh_python3"), reason="dh-python is not installed")


def copied(source: Path, place: Path) -> Path:
    """A copy of a tree, as of one moment: others may be at work in it."""
    kept = shutil.ignore_patterns(".*", "__pycache__", "dist", "*.mo")
    return Path(shutil.copytree(source, place / "tree", ignore=kept))


def built(copy: Path, **environment: str) -> Path:
    done = subprocess.run(
        [str(copy / BUILD.relative_to(reading.ROOT))],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return copy / "dist"


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return copied(reading.ROOT, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def dist(source) -> Path:
    return built(source)


def contents(deb: Path) -> dict[str, str]:
    """Path to mode and owner."""
    listing = subprocess.run(["dpkg-deb", "--contents", str(deb)], capture_output=True, text=True, check=True).stdout
    rows = (line.split(maxsplit=5) for line in listing.splitlines())
    return {row[5].removeprefix("./").partition(" -> ")[0]: f"{row[0]} {row[1]}" for row in rows}


@pytest.fixture(scope="module")
def everything(dist) -> dict[str, dict[str, str]]:
    return {deb.name.partition("_")[0]: contents(deb) for deb in dist.glob("*.deb")}


def test_every_package_is_built(everything):
    assert set(everything) == PACKAGES


def test_another_build_elsewhere_gives_the_same_bytes(source, dist, tmp_path):
    other = built(
        copied(source, tmp_path / "with-a-longer-name"), TZ="Pacific/Auckland", LC_ALL="C", HOME=str(tmp_path)
    )
    first, second = (
        {deb.name: hashlib.sha256(deb.read_bytes()).hexdigest() for deb in folder.glob("*.deb")}
        for folder in (dist, other)
    )
    assert first == second


@pytest.mark.skipif(not shutil.which("lintian"), reason="lintian is not installed")
def test_lintian_has_nothing_to_say(dist):
    changes = next(dist.glob("*.changes"))
    argv = ["lintian", "--fail-on", "error,warning", "--no-cfg", str(changes)]
    if os.geteuid() == 0:
        argv.insert(1, "--allow-root")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_override_has_its_reason():
    for path in reading.DEBIAN.glob("*.lintian-overrides"):
        text = path.read_text().splitlines()
        assert text[0].startswith("#")
        assert all(before.startswith("#") for before, line in pairwise(text) if not line.startswith("#"))


def test_the_program_is_no_module_of_the_machine(everything):
    for files in everything.values():
        assert not [path for path in files if "dist-packages" in path]
    assert "usr/share/schoolserver/appliance/policy/rules.py" in everything["schoolserver-common"]


def test_no_file_is_in_two_packages(everything):
    seen: dict[str, str] = {}
    for package, files in everything.items():
        for path in files:
            if path and not path.endswith("/"):
                assert path not in seen, f"{path} is in {package} and in {seen[path]}"
                seen[path] = package


def test_every_file_belongs_to_root_and_nobody_else_may_change_it(everything):
    for files in everything.values():
        for path, mode in files.items():
            assert mode.endswith("root/root"), path
            assert mode.startswith("l") or mode[5] == "-", path
            assert mode.startswith("l") or mode[8] == "-", path


def test_catalogs_are_compiled_and_their_source_stays_out(everything):
    common = everything["schoolserver-common"]
    assert "usr/share/schoolserver/appliance/locale/de/LC_MESSAGES/schoolserver.mo" in common
    assert not [path for path in common if path.endswith((".po", ".pyc")) or "/demo/" in path]


def test_there_is_no_file_of_ours_in_etc_that_an_upgrade_could_ask_about(dist):
    for deb in dist.glob("*.deb"):
        done = subprocess.run(["dpkg-deb", "--ctrl-tarfile", str(deb)], capture_output=True, check=True)
        listed = subprocess.run(["tar", "-xO", "./conffiles"], input=done.stdout, capture_output=True, check=False)
        assert b"/etc/schoolserver/" not in listed.stdout


def test_the_second_machine_has_all_that_it_needs(dist, tmp_path):
    deb = next(dist.glob("schoolserver-backup-server_*.deb"))
    subprocess.run(["dpkg-deb", "--extract", str(deb), str(tmp_path)], check=True)
    for name in ("usr/lib/schoolserver-backup-server/receiver", "usr/sbin/schoolserver-backup-server"):
        program = tmp_path / name
        text = program.read_text()
        assert text.startswith("#!/usr/bin/python3 -I\n"), "nothing in the caller's environment may change it"
        program.write_text(text.replace("/usr/share/", f"{tmp_path}/usr/share/"))
        done = subprocess.run([str(program), "--help"], capture_output=True, text=True, check=True, cwd="/")
        assert "usage" in done.stdout


def test_the_command_finds_its_program_and_says_what_there_is(dist, tmp_path):
    for deb in dist.glob("schoolserver-common_*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(deb), str(tmp_path)], check=True)
    command = tmp_path / "usr/bin/schoolserver"
    text = command.read_text()
    assert text.startswith("#!/usr/bin/python3 -I\n"), "nothing in the caller's environment may change it"
    command.write_text(text.replace("/usr/share/schoolserver", f"{tmp_path}/usr/share/schoolserver"))
    done = subprocess.run([str(command), "--help"], capture_output=True, text=True, check=True, cwd="/")
    assert "status" in done.stdout
    assert "demo" not in done.stdout, "the demo is not installed"
