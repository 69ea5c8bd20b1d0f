"""Our ssh key, which opens the backup server's one command and signs what is sent there.

May live here: making it with OpenSSH's own program. May not: whom it is shown to.
"""

from __future__ import annotations

import os
import subprocess

from appliance.backup.intent import Own
from appliance.backup.problem import BackupError
from appliance.backup_server import ssh_key
from appliance.daemon.whole_file import sync_folder

_KEYGEN = "/usr/bin/ssh-keygen"
_TIME = 60.0


class Candidate:
    """Our key, or a new one where there is none; as ``with``, which removes the new one unless :meth:`keep` was called.

    ``public`` is ``ssh-ed25519 AAAA...``. Raises :class:`BackupError`, ``OSError``.
    """

    def __init__(self, own: Own) -> None:
        self._own = own
        self._key = own.keys / "key"
        self._new = own.keys / "key.new"
        own.make()
        self._made = not self._key.exists()
        if self._made:
            self._remove()  # of one that was cut short
            _keygen("-q", "-t", "ed25519", "-N", "", "-C", "schoolserver-copy", "-f", str(self._new))
        self.public = ssh_key.checked(_keygen("-y", "-f", str(self._new if self._made else self._key)).strip())

    def __enter__(self) -> Candidate:
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def keep(self) -> None:
        """Make the new key ours, for good."""
        if not self._made:
            return
        for path in (self._new, self._new.with_suffix(".new.pub")):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        self._new.with_suffix(".new.pub").rename(self._key.with_suffix(".pub"))
        self._new.rename(self._key)  # last, so that a key that is there is whole and has its public half
        sync_folder(self._own.keys)

    def _remove(self) -> None:
        for path in (self._new, self._new.with_suffix(".new.pub")):
            path.unlink(missing_ok=True)


def _keygen(*words: str) -> str:
    try:
        done = subprocess.run(
            (_KEYGEN, *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIME,
            check=False,
            env={"HOME": "/", "LANG": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupError("not-set-up", "ssh-keygen cannot be run; is openssh-client installed?") from error
    if done.returncode != 0:
        raise BackupError("not-set-up", f"ssh-keygen ended with {done.returncode}")
    return done.stdout
