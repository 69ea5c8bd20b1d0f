"""The demo's second place: for whom it can run its command, and the folder that all who run an sshd share."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.demo import sshd
from appliance.demo.sshd import has_shell


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sshd, "_EMPTY", tmp_path / "sshd")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path / "sshd"


@pytest.mark.parametrize(
    ("shell", "runs"),
    [("/bin/sh", True), ("", True), ("/usr/sbin/nologin", False), ("/bin/false", False), ("/no/such/shell", False)],
)
def test_a_command_needs_a_login_shell(shell: str, runs: bool) -> None:
    assert has_shell(shell) is runs


def test_the_last_of_several_takes_the_empty_folder_away(empty: Path) -> None:
    with sshd._empty_folder():
        with sshd._empty_folder():
            assert empty.is_dir()
        assert empty.is_dir()
    assert not empty.exists()


def test_the_first_may_end_before_the_second(empty: Path) -> None:
    first, second = sshd._empty_folder(), sshd._empty_folder()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert empty.is_dir()
    second.__exit__(None, None, None)
    assert not empty.exists()


def test_one_that_debian_made_stays_and_so_does_one_that_it_took_over(empty: Path) -> None:
    empty.mkdir(mode=0o755)
    with sshd._empty_folder():
        pass
    empty.rmdir()
    with sshd._empty_folder():
        empty.chmod(0o755)
    assert empty.is_dir()


def test_it_is_there_as_long_as_one_needs_it_however_others_come_and_go(empty: Path) -> None:
    def come_and_go(_who: int) -> None:
        for _ in range(300):
            with sshd._empty_folder():
                assert empty.is_dir()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert not empty.exists()
