"""The recovery key lies in root's own folder while it is needed, and then nowhere."""

import stat

import pytest

from appliance.backup.recovery_key import Facts, new
from appliance.recovery.key_place import key_place

HOST, SIGNER = new().public_line, new().public_line


def _facts(port=22):
    return Facts("backup.example", port, "schoolbackup-goethe", HOST, SIGNER)


def test_the_key_is_root_s_alone_and_the_host_s_key_is_the_sheet_s(tmp_path):
    key = new()
    with key_place(key, _facts(), None, tmp_path / "place") as place:
        assert (place.user, place.host, place.port) == ("schoolbackup-goethe", "backup.example", 22)
        assert stat.S_IMODE((tmp_path / "place").stat().st_mode) == 0o700
        assert stat.S_IMODE(place.key.stat().st_mode) == 0o600
        assert b"PRIVATE KEY" in place.key.read_bytes()
        assert place.known_hosts.read_text(encoding="ascii") == f"backup.example {HOST}\n"


def test_another_name_and_port_keep_the_host_s_key(tmp_path):
    with key_place(new(), _facts(2222), "10.0.0.7", tmp_path / "place") as place:
        assert place.host == "10.0.0.7"
        assert place.known_hosts.read_text(encoding="ascii") == f"[10.0.0.7]:2222 {HOST}\n"


def test_nothing_is_left_even_after_a_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt), key_place(new(), _facts(), None, tmp_path / "place"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_goes(tmp_path):
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "key").write_text("old", encoding="ascii")
    with key_place(new(), _facts(), None, tmp_path / "place") as place:
        assert b"PRIVATE KEY" in place.key.read_bytes()
