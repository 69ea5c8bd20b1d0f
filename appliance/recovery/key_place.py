"""The recovery key while it is needed: in root's own folder below /run, which is memory, and gone at the end.

May live here: that folder. May not: any other copy of the key; it is in no argument of a program and in no variable.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.backup.intent import SecondPlace
from appliance.backup.recovery_key import Facts, RecoveryKey

FOLDER: Final = Path("/run/schoolserver-recovery")
"""Where the key lies; below /run is a tmpfs on every Debian that runs systemd."""

_TIMEOUT: Final = 15.0
_SILENCE: Final = 600.0


@contextlib.contextmanager
def key_place(key: RecoveryKey, facts: Facts, host: str | None, folder: Path = FOLDER) -> Iterator[SecondPlace]:
    """Give the backup server as it is reached with ``key``, at another ``host`` than the sheet's if that is given.

    Its host key is the sheet's. The folder is removed at the end, whatever happens; raises ``OSError``.
    """
    reached = host or facts.host
    shutil.rmtree(folder, ignore_errors=True)  # of one that was killed
    folder.mkdir(mode=0o700)
    try:
        place = SecondPlace(facts.user, reached, facts.port, folder / "key", folder / "known", _TIMEOUT, _SILENCE)
        name = reached if facts.port == 22 else f"[{reached}]:{facts.port}"
        _write(place.key, key.openssh_private())
        _write(place.known_hosts, f"{name} {facts.host_key}\n".encode("ascii"))
        yield place
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
