"""Swapping engine files with real checkers: a shell for every machine, slaptest where slapd is installed."""

import os
import shutil
import stat

import pytest

from appliance.daemon.engine import EngineRefused, roll_back, swap


def shell(candidate):
    return ["/bin/sh", "-n", str(candidate)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "engine.conf"


def names(path):
    return sorted(one.name for one in path.parent.iterdir())


def test_a_good_file_is_swapped_in_with_mode_and_owner(path):
    assert swap(path, "echo 1\n", shell, 0o600, (os.getuid(), os.getgid()))
    assert path.read_text() == "echo 1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(path) == ["engine.conf"]


def test_the_same_text_changes_nothing(path):
    swap(path, "echo 1\n", shell)
    before = path.stat().st_ino
    assert not swap(path, "echo 1\n", lambda _: ["/bin/false"])
    assert path.stat().st_ino == before


def test_a_bad_file_is_refused_with_what_the_checker_said(path):
    swap(path, "echo 1\n", shell)
    with pytest.raises(EngineRefused) as refused:
        swap(path, "if then (\n", shell)
    assert "yntax error" in refused.value.output
    assert "yntax error" in str(refused.value)
    assert path.read_text() == "echo 1\n"
    assert names(path) == ["engine.conf"]


def test_roll_back_brings_the_former_text(path):
    swap(path, "echo 1\n", shell)
    os.chmod(path, 0o400)
    swap(path, "echo 2\n", shell, 0o644)
    assert path.read_text() == "echo 2\n"
    roll_back(path)
    assert path.read_text() == "echo 1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert names(path) == ["engine.conf"]


def test_roll_back_of_a_new_file_removes_it(path):
    swap(path, "echo 1\n", shell)
    roll_back(path)
    assert names(path) == []


def test_a_refused_file_leaves_what_roll_back_needs(path):
    swap(path, "echo 1\n", shell)
    swap(path, "echo 2\n", shell)
    with pytest.raises(EngineRefused):
        swap(path, "if (\n", shell)
    roll_back(path)
    assert path.read_text() == "echo 1\n"


def test_a_checker_that_is_not_there_or_hangs(path, monkeypatch):
    with pytest.raises(EngineRefused, match="is not installed"):
        swap(path, "x", lambda _: ["/nonexistent/checker"])
    monkeypatch.setattr("appliance.daemon.engine._CHECK_TIME", 0.1)
    with pytest.raises(EngineRefused, match="did not end"):
        swap(path, "x", lambda _: ["/bin/sh", "-c", "kill -STOP $$"])
    assert names(path) == []


@pytest.mark.skipif(shutil.which("slaptest", path="/usr/sbin:/usr/bin") is None, reason="slapd is not installed")
def test_slaptest(path):
    def slaptest(candidate):
        return ["/usr/sbin/slaptest", "-u", "-f", str(candidate)]

    text = f"include /etc/ldap/schema/core.schema\ndatabase ldif\ndirectory {path.parent}\nsuffix dc=example\n"
    assert swap(path, text, slaptest)
    with pytest.raises(EngineRefused) as refused:
        swap(path, "databaze mdb\n", slaptest)
    assert "databaze" in refused.value.output
