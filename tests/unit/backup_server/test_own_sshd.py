"""What sshd says of itself."""

import pytest

from appliance.backup_server.own_sshd import said

KEY = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43}"


def test_the_first_port_and_the_ed25519_key_count(tmp_path):
    (tmp_path / "rsa.pub").write_text("ssh-rsa AAAA root@backup\n")
    (tmp_path / "ed.pub").write_text(f"{KEY} root@backup\n")
    keys = "".join(f"hostkey {tmp_path}/{name}\n" for name in ("none", "rsa", "ed"))
    text = f"port 2222\nport 22\naddressfamily any\n{keys}"
    assert said(text) == (2222, KEY)


def test_without_such_a_key_it_is_said_what_to_do():
    with pytest.raises(OSError, match="ssh-keygen -A"):
        said("port 22\n")
