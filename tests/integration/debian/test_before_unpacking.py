"""Before apt unpacks a new version, that version looks at the settings (dpkg itself asks only when it configures)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.debian import reading

CHECK = reading.DEBIAN / "check-before-unpacking"
CONTROL = """Package: schoolserver-common
Version: 9
Architecture: all
Maintainer: Nobody <nobody@schule.example>
Description: a new version
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """What a package holds that counts here."""
    root = tmp_path_factory.mktemp("tree")
    program = root / "usr" / "share" / "schoolserver"
    leave_out = shutil.ignore_patterns("__pycache__", "demo")
    shutil.copytree(reading.ROOT / "appliance", program / "appliance", ignore=leave_out)
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "control").write_text(CONTROL)
    return root


def package(tree: Path, place: Path) -> Path:
    deb = place / "schoolserver-common_9_all.deb"
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "--build", tree, deb], check=True, capture_output=True)
    return deb


@pytest.fixture(scope="module")
def new(tree, tmp_path_factory) -> Path:
    return package(tree, tmp_path_factory.mktemp("new"))


def asked(settings: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """As apt calls it: names of files, a line each."""
    return subprocess.run(
        [str(CHECK)],
        input="".join(f"{file}\n" for file in files),
        env={**os.environ, "SCHOOLSERVER_SETTINGS": str(settings), "TMPDIR": str(settings.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_settings_that_the_new_version_takes_are_no_hindrance(new, tmp_path):
    settings = tmp_path / "etc"
    settings.mkdir()
    (settings / "school.yaml").write_text("name: Musterschule\ndomain: schule.example\n")
    done = asked(settings, Path("/var/cache/apt/archives/slapd_2.5_amd64.deb"), new)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == [settings], "nothing is left behind"


def test_wrong_settings_stop_apt_and_are_named(new, tmp_path):
    settings = tmp_path / "etc"
    settings.mkdir()
    (settings / "school.yaml").write_text("name: Musterschule\ndomain: schule.example\nnmae: x\n")
    done = asked(settings, new)
    assert done.returncode == 1
    assert "school.yaml" in done.stderr
    assert "nmae" in done.stderr
    assert "then upgrade again" in done.stderr
    assert list(tmp_path.iterdir()) == [settings]


def test_a_machine_without_settings_and_an_upgrade_of_others_are_not_held_up(new, tmp_path):
    assert asked(tmp_path / "missing", new).returncode == 0
    assert asked(tmp_path, tmp_path / "schoolserver-mail_9_all.deb").returncode == 0
    assert asked(tmp_path).returncode == 0


def test_a_library_that_comes_with_the_same_upgrade_is_no_wrong_setting(tree, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tree, broken)
    shutil.rmtree(broken / "usr" / "share" / "schoolserver" / "appliance" / "settings")
    settings = tmp_path / "etc"
    settings.mkdir()
    assert asked(settings, package(broken, tmp_path)).returncode == 0
