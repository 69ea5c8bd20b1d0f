"""A signature counts for this key, this text and this purpose."""

import subprocess

import pytest

from appliance.backup.problem import BackupError
from appliance.backup.sign import sign, verified


@pytest.fixture
def key(tmp_path):
    made = tmp_path / "key"
    subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made], check=True)
    return made


def test_it_counts_for_what_was_signed(key, tmp_path):
    public = key.with_suffix(".pub").read_text()
    signature = sign(key, b"the index")
    assert verified(public, b"the index", signature)
    assert not verified(public, b"another index", signature)
    assert not verified(public, b"the index", b"no signature")
    other = tmp_path / "other"
    subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    assert not verified(other.with_suffix(".pub").read_text(), b"the index", signature)
    argv = ["/usr/bin/ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", key]
    elsewhere = subprocess.run(argv, input=b"the index", capture_output=True, check=True).stdout
    assert not verified(public, b"the index", elsewhere)


def test_without_a_key_nothing_is_signed(tmp_path):
    with pytest.raises(BackupError) as caught:
        sign(tmp_path / "none", b"x")
    assert caught.value.kind == "not-set-up"
