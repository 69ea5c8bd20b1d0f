"""What is in the dump, and that only the recovery key opens it."""

import hashlib
import io
import json
import stat
import subprocess
import tarfile

import pytest

from appliance.backup import dump as module
from appliance.backup.dump import dump
from appliance.backup.problem import BackupError
from appliance.settings.load import load


@pytest.fixture
def place(tmp_path):
    etc, state = tmp_path / "etc", tmp_path / "state"
    for folder in (
        etc,
        state / "mail",
        state / "backup" / "ssh",
        state / "directory" / "db",
        state / "audit",
        state / "domain",
    ):
        folder.mkdir(parents=True)
    (etc / "server.yaml").write_text(f"state: {state}\nruntime: {tmp_path}/run\ndata: {tmp_path}/srv\n")
    for name in (
        "mail/key",
        "mail/a.db",
        "mail/a.db-wal",
        "backup/ssh/key",
        "directory/db/data.mdb",
        "domain/sam.ldb",
        "audit/use.jsonl",
    ):
        (state / name).write_text(name)
    (state / "mail" / "key").chmod(0o640)
    (state / "mail" / "link").symlink_to("key")
    (tmp_path / "exports" / "mail").mkdir(parents=True)
    (tmp_path / "exports" / "mail" / "a.db").write_text("exported")
    argv = ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "recovery"]
    subprocess.run(argv, check=True)
    return tmp_path


def dumped(place):
    return dump(load(place / "etc"), place / "exports", place / "recovery.pub", place / "dump.age")


def opened(place) -> tarfile.TarFile:
    argv = ["/usr/bin/age", "--decrypt", "-i", place / "recovery", place / "dump.age"]
    return tarfile.open(fileobj=io.BytesIO(subprocess.run(argv, check=True, capture_output=True).stdout))


def test_settings_state_and_exports_for_the_recovery_key(place):
    found = dumped(place)
    assert found == hashlib.sha256((place / "dump.age").read_bytes()).hexdigest()
    assert stat.S_IMODE((place / "dump.age").stat().st_mode) == 0o600
    assert b"exported" not in (place / "dump.age").read_bytes()
    with opened(place) as archive:
        names = archive.getnames()
        key = archive.getmember("state/mail/key")
        assert (key.mode, key.uid, key.uname != "") == (0o640, (place / "etc").stat().st_uid, True)
        assert archive.getmember("state/mail/link").linkname == "key"
        assert archive.extractfile("exports/mail/a.db").read() == b"exported"
        assert set(json.load(archive.extractfile("users.json"))) == {"users", "groups"}
    assert {"settings/server.yaml", "state/mail/key", "state/directory"} <= set(names)
    left_out = ("state/mail/a.db", "state/backup", "state/directory/db", "state/audit", "state/domain")
    assert not [name for name in names if name.startswith(left_out)]


def test_a_file_that_is_cut_off_while_it_is_read_spoils_nothing(place, monkeypatch):
    (place / "state" / "mail" / "long").write_bytes(b"x" * 100_000)
    real = tarfile.TarFile.addfile

    def cut(archive, member, file=None):
        if member.name == "state/mail/long":
            (place / "state" / "mail" / "long").write_bytes(b"short")
        real(archive, member, file)

    monkeypatch.setattr(tarfile.TarFile, "addfile", cut)
    dumped(place)
    with opened(place) as archive:
        assert archive.extractfile("state/mail/long").read() == b"short".ljust(100_000, b"\0")
        assert "settings/server.yaml" in archive.getnames()


def test_without_a_recovery_key_there_is_none(place):
    (place / "recovery.pub").unlink()
    with pytest.raises(BackupError, match="no recovery key"):
        dumped(place)
    (place / "recovery.pub").write_text("no key\n")
    with pytest.raises(BackupError, match="cannot be sealed"):
        dumped(place)
    assert not (place / "dump.age").exists()


def test_a_file_that_goes_meanwhile_is_left_out(place, monkeypatch):
    real = module._below

    def going(folder, inner, without):
        for path, name in real(folder, inner, without):
            if name == "mail/key":
                path.unlink(missing_ok=True)
            yield path, name

    monkeypatch.setattr(module, "_below", going)
    dumped(place)
    with opened(place) as archive:
        assert "state/mail/link" in archive.getnames()
        assert "state/mail/key" not in archive.getnames()
