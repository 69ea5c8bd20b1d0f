"""``backup.yaml``: the backup server, to which what changed is sent at night (K07), and how fresh the copy must be.

When it begins is said by systemd's schoolserver-backup.timer (02:00; ``systemctl edit`` changes it). How long copies
are kept is not written here but over there: whoever gets hold of the school's server must not be able to
shorten it.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_collections import Maybe
from appliance.daemon.options_numbers import duration, integer, size
from appliance.daemon.options_values import text

_TARGET = r"[a-z_][a-z0-9_-]{0,31}@([A-Za-z0-9]([A-Za-z0-9.-]{0,200}[A-Za-z0-9])?|[0-9a-f]*:[0-9a-f:.]+)"


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """The backup server; durations in seconds, ``bandwidth`` in bytes a second; ``target`` ``None``: none is made."""

    target: str | None = option(
        Maybe(text(_TARGET, "a user and a machine such as schoolbackup-goethe@backup.example", longest=250)),
        None,
        "Who and where the backup server is, as pairing says. Without it no backup is made.",
        example="schoolbackup-goethe@backup.example",
    )
    port: int = option(integer(1, 65535), 22, "Port of ssh there.", unit="port", example=2222)
    max_age: float = option(
        duration(3600, 366 * 86400), "30 h", "With no younger copy than this, status is not well.", example="3 days"
    )
    timeout: float = option(
        duration(1, 600), "15 s", "Patience with the backup server until it answers.", example="30 s"
    )
    silence: float = option(
        duration(10, 86400), "10 min", "A copy during which nothing moves for so long is given up.", example="1 h"
    )
    bandwidth: int | None = option(
        Maybe(size(1024, 2**40)), None, "Bytes a second that a copy may take of the line.", example="5 MB"
    )
