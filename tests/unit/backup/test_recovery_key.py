"""The recovery key and its sheet: OpenSSH and age take the one, a person the other."""

import subprocess
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from appliance.backup import recovery_key
from appliance.backup.problem import BackupError
from appliance.backup.recovery_key import Facts, RecoveryKey, fingerprint, new, read_sheet

seeds = some.binary(min_size=32, max_size=32)


def facts_of(host_seed: bytes = bytes(32), signer_seed: bytes = bytes(range(32)), **others) -> Facts:
    return Facts(
        **{
            "host": "backup.example",
            "port": 22,
            "user": "schoolbackup-goethe",
            "host_key": RecoveryKey(host_seed).public_line,
            "signing_key": RecoveryKey(signer_seed).public_line,
            "school": "goethe",
            "made": date(2026, 11, 22),
        }
        | others
    )


@given(seeds, seeds, seeds, some.integers(1, 65535))
def test_a_sheet_is_read_as_it_was_printed(seed, host, signer, port):
    key, facts = RecoveryKey(seed), facts_of(host, signer, port=port)
    again, read = read_sheet(key.sheet(facts))
    assert (again.public_line, read) == (key.public_line, facts)


@given(some.text(max_size=60))
def test_whatever_a_school_is_called_its_sheet_is_read(school):
    key, facts = new(), facts_of(school=school)
    again, read = read_sheet(key.sheet(facts))
    assert (again.public_line, read.host, read.port, read.user) == (key.public_line, "backup.example", 22, facts.user)


def test_a_school_s_name_is_read_as_a_whole():
    assert read_sheet(new().sheet(facts_of(school="Goethe-Gymnasium Köln")))[1].school == "Goethe-Gymnasium Köln"


def test_what_is_typed_may_be_the_lines_alone():
    key = new()
    wanted = ("Host", "Port", "User", *(f"{block}{number}" for block in "KHS" for number in range(1, 5)))
    lines = [line.strip().lower() for line in key.sheet(facts_of()).splitlines()]
    typed = "\n".join(line for line in lines if line.startswith(tuple(one.lower() for one in wanted)))
    again, read = read_sheet(typed)
    assert again.public_line == key.public_line
    assert read == facts_of(school="", made=None)


@pytest.mark.parametrize("name", ["Host:", "Port:", "User:", "K1", "K4", "H2", "S3"])
def test_a_line_that_is_missing_is_told(name):
    sheet = new().sheet(facts_of())
    left = "\n".join(line for line in sheet.splitlines() if not line.strip().startswith(name))
    with pytest.raises(BackupError, match=f"line {name}.* is missing"):
        read_sheet(left)


def test_a_sheet_is_one_page_of_ascii():
    lines = new().sheet(facts_of()).splitlines()
    assert len(lines) <= 60
    assert max(len(line) for line in lines) <= 80
    assert all(line.isascii() for line in lines)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "-oProxyCommand=x"},
        {"host": ""},
        {"host": "a b"},
        {"user": "root;x"},
        {"user": "-x"},
        {"port": 0},
        {"port": 65536},
        {"host_key": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ=="},
        {"host_key": "ssh-ed25519 AAAA"},
        {"signing_key": ""},
        {"signing_key": "ssh-ed25519 ünd"},
    ],
)
def test_facts_that_ssh_must_not_see_are_refused(wrong):
    with pytest.raises(BackupError):
        facts_of(**wrong)


def test_nothing_shows_the_seed():
    key = RecoveryKey(b"01234567" * 4)
    assert "01234567" not in f"{key!r} {key}"
    assert fingerprint(key.public_line) in repr(key)


@given(some.text())
def test_any_text_is_read_or_told(text):
    with pytest.raises(BackupError):
        read_sheet(text)


def test_openssh_takes_both_halves(tmp_path):
    key, private = new(), tmp_path / "key"
    private.touch(0o600)
    private.write_bytes(key.openssh_private())
    derived = subprocess.run(["/usr/bin/ssh-keygen", "-y", "-f", private], capture_output=True, text=True, check=True)
    assert derived.stdout.split()[:2] == key.public_line.split()
    shown = subprocess.run(
        ["/usr/bin/ssh-keygen", "-l", "-f", "-"], input=key.public_line, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split()[1] == recovery_key.fingerprint(key.public_line)


def test_age_closes_for_the_public_half_and_opens_with_the_private_one(tmp_path):
    key, private, public = new(), tmp_path / "key", tmp_path / "key.pub"
    private.touch(0o600)
    private.write_bytes(key.openssh_private())
    public.write_text(key.public_line + "\n", encoding="ascii")
    closed = subprocess.run(["/usr/bin/age", "-R", public], input=b"the school", capture_output=True, check=True).stdout
    assert b"the school" not in closed
    opened = subprocess.run(["/usr/bin/age", "-d", "-i", private], input=closed, capture_output=True, check=True)
    assert opened.stdout == b"the school"
