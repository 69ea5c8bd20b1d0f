"""What a school may read of its own snapshots: the list, manifests, dumps. As the school's user.

May live here: reading what the group may read. May not: files of people, which rsync reads.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from appliance.backup_server import forget_list
from appliance.backup_server.asking import Talk
from appliance.backup_server.base import Base
from appliance.backup_server.names import SNAPSHOT
from appliance.backup_server.standing import standing
from appliance.backup_server.store import Place

VERSION = 1
"""Of what receiver and school's server say to each other."""

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CHUNK = 1024 * 1024


class NotHere(Exception):
    """There is no such snapshot, section or dump."""


def snapshot(place: Place, name: str) -> Path:
    """The folder of a committed snapshot; raises :class:`NotHere`."""
    if not SNAPSHOT.fullmatch(name) or not (place.snapshots / name / "index").is_file():
        raise NotHere("there is no such snapshot")
    return place.snapshots / name


def listing(place: Place, _: Sequence[str], talk: Talk) -> None:
    """Say what there is, what is left of the disk, and what is wrong."""
    dumps = set(place.dump_names())
    talk.say(
        {
            "snapshots": [{"name": name, "dump": name in dumps} for name in place.names()],
            **standing(place, datetime.now(UTC)),
            "forgetting": forget_list.told(forget_list.read(place.folder)),
            "version": VERSION,
        }
    )


def index(place: Place, words: Sequence[str], talk: Talk) -> None:
    """Say a snapshot's index and its signature, both in Base64."""
    folder = snapshot(place, words[0])
    for key, name in (("index", "index"), ("signature", "index.sig")):
        talk.say({key: base64.b64encode((folder / name).read_bytes()).decode("ascii")})


def section(place: Place, words: Sequence[str], talk: Talk) -> None:
    """Send a section: of a snapshot and a part and its unit, or of a snapshot by the section's own name."""
    folder = snapshot(place, words[0])
    if len(words) == 2 and _DIGEST.fullmatch(words[1]):
        name: str | None = words[1]
    else:
        name = Base.read(folder).units.get((words[1], words[2])) if len(words) == 3 else None
    if name is None or not (folder / "sections" / name).is_file():
        raise NotHere("there is no such section")
    _send(folder / "sections" / name, talk)


def dump(place: Place, words: Sequence[str], talk: Talk) -> None:
    """Send a snapshot's sealed dump."""
    if words[0] not in place.dump_names():
        raise NotHere("there is no such dump")
    _send(place.dumps / f"{words[0]}.age", talk)


def _send(path: Path, talk: Talk) -> None:
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while data := file.read(_CHUNK):
            talk.send(data)
