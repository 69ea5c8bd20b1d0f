"""The program that Samba asks whether a password may be: what it says, what it never says, and how fast."""

import os
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ARGV = ["/usr/bin/python3", "-S", "-E", "-m", "appliance.directory.domain.check_password"]
OWNER = {
    "SAMBA_CPS_ACCOUNT_NAME": "maximilian.must-e4c5",
    "SAMBA_CPS_USER_PRINCIPAL_NAME": "maximilian.mustermann-schmidt@schule.example",
    "SAMBA_CPS_FULL_NAME": "Maximilian Mustermann-Schmidt",
}


@pytest.fixture
def ask(tmp_path):
    names = tmp_path / "school.names"
    names.write_text("Grundschule am Park", encoding="utf-8")

    def _ask(password: bytes, file: Path = names) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*ARGV, str(file)], input=password, capture_output=True, check=False, cwd=ROOT, env=os.environ | OWNER
        )

    return _ask


@pytest.mark.parametrize("good", ["Kamu-tibo-472", "Zäbu-tiro-333", "7 Zebras; und 1 Gnu"])
def test_good(ask, good):
    assert ask(good.encode()).returncode == 0


@pytest.mark.parametrize(
    "bad",
    [
        "Ka-1",
        "kamu-tibo-472",
        "Schmidt-2024-x",  # part of the name
        "Maximilian.1",
        "Must-e4c5-Abc.",  # part of the short login
        "Park-Grundschule-1",
        "Passwort1!",
    ],
)
def test_bad(ask, bad):
    assert ask(bad.encode()).returncode == 1


def test_whatever_comes_nothing_is_said_and_nothing_broken_is_let_in(ask, tmp_path):
    for password in (b"", b"\xff\xfe Kamu-tibo-472", b"Kamu\0-tibo-472", b"A" * 100_000):
        done = ask(password)
        assert done.returncode != 0
        assert done.stdout + done.stderr == b""
    done = ask(b"Kamu-tibo-472", tmp_path / "missing")
    assert done.returncode == 2
    assert done.stdout + done.stderr == b""


def test_it_starts_quickly(ask):
    """Samba waits for it at each change, and an import makes an account with a password for everybody."""
    ask(b"Kamu-tibo-472")
    began = time.monotonic()
    for _ in range(5):
        ask(b"Kamu-tibo-472")
    assert (time.monotonic() - began) / 5 < 0.3
