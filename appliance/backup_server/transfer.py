"""Which rsync is run when a school asks for one: with words of our own, whatever was asked.

May live here: those words, what it may open, ending one whose line broke. May not: the committer's part. Of what was
asked only the last word counts, the folder. The letters are what ``-aHAXS`` becomes (rsync 3.2.7 to 3.5 say the same);
a client that says others finds that they do not understand each other. Never among ours: ``--inplace``, ``--append``,
``--delete``, ``--link-dest``.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from appliance.backup_server import landlock
from appliance.backup_server.attributes import FILTERS
from appliance.backup_server.manifest import PARTS
from appliance.backup_server.names import SNAPSHOT
from appliance.backup_server.store import Place

PARTIAL = ".~schoolserver-partial"
"""Where a file that was cut off waits; no client has to name it."""

_RSYNC = "/usr/bin/rsync"
_LETTERS = "-lHogDtpAXRSe.LsfxCIvu"
_COMMON = ("--fake-super", _LETTERS, "--numeric-ids", "--timeout=3600")
_KEEPING = tuple(f"--filter={one}" for one in ("-x user.rsync.%*", *FILTERS))  # a second look takes them away else
_WRITING = re.compile(rf"incoming/({'|'.join((*PARTS, 'manifest'))})/?", re.ASCII)
_READING = re.compile(rf"snapshots/({SNAPSHOT.pattern})/({'|'.join((*PARTS, 'sections'))})/?", re.ASCII)
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache")


def server_argv(words: Sequence[str]) -> tuple[str, ...] | None:
    """Give the words of our rsync when ``words`` (from ``rsync`` on) were asked; None where nobody may ask that.

    The last one is the folder, below the school's, that it works in.
    """
    if tuple(words[:2]) != ("rsync", "--server") or len(words) < 4:
        return None
    if words[2] == "--sender":
        if not _READING.fullmatch(words[-1]):
            return None
        return ("rsync", "--server", "--sender", *_COMMON, "--files-from=-", "--from0", ".", words[-1])
    if not _WRITING.fullmatch(words[-1]):
        return None
    return ("rsync", "--server", *_COMMON, *_KEEPING, "--modify-window=-1", f"--partial-dir={PARTIAL}", ".", words[-1])


def end_left_over(place: Place) -> None:
    """End the school's transfers that are still open; raises ``OSError``.

    For its server they are over, or it would not begin anew. Here nothing may be known of that for an hour, if the line
    broke, and they hold the lock.
    """
    lock = (place.folder / "lock").stat()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it is somebody else's, or has ended
            ours = str((process / "exe").readlink()).startswith(_RSYNC)
            if ours and any(os.path.samestat(one.stat(), lock) for one in (process / "fd").iterdir()):
                os.kill(int(process.name), signal.SIGTERM)


def become(place: Place, argv: Sequence[str]) -> NoReturn:
    """Run it in the school's folder in the place of this process, which may open nothing else then; raises OSError."""
    os.chdir(place.folder)
    sending = "--sender" in argv
    folder = place.folder / argv[-1]
    if not sending:
        folder.mkdir(mode=0o700, exist_ok=True)
    landlock.confine(
        [
            *((Path(path), landlock.RUN) for path in _SYSTEM),
            (Path("/dev/null"), landlock.WRITE),
            (folder, landlock.READ if sending else landlock.WRITE),
        ]
    )
    os.execve(_RSYNC, list(argv), {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})  # noqa: S606 - words of our own
