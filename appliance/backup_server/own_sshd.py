"""What this machine's sshd is: its port and its host key. May live here: asking it. May not: changing it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from appliance.backup_server import ssh_key

_SSHD = "/usr/sbin/sshd"


def found() -> tuple[int, str]:
    """Give port and Ed25519 host key that sshd's configuration has; raises ``OSError`` with a text for the carer."""
    done = subprocess.run((_SSHD, "-T"), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"sshd's own configuration is not right: {done.stderr.strip()[:500] or 'sshd -T fails'}")
    return said(done.stdout)


def said(text: str) -> tuple[int, str]:
    """Read what ``sshd -T`` says (the first port counts) and the key file that it names; raises ``OSError``."""
    pairs = [line.split(maxsplit=1) for line in text.splitlines() if " " in line]
    ports = [value for name, value in pairs if name == "port"]
    for path in (Path(f"{value}.pub") for name, value in pairs if name == "hostkey"):
        try:
            return int(ports[0]), ssh_key.checked(path.read_text(encoding="ascii").strip())
        except (FileNotFoundError, ValueError):
            continue
    raise OSError("sshd has no Ed25519 host key; make one with: ssh-keygen -A")
