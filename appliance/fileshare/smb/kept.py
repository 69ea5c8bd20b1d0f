"""The sessions at the door, kept in a file, so that a door that is started anew goes on watching the same smbds.

May live here: that file, in a folder that a boot empties. May not: deciding anything (``door``).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.daemon.whole_file import write_whole
from appliance.fileshare.smb.guests import Guest
from appliance.session.signed_in import SignedIn

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """Who sat in the smbd ``pid``, which was ``started`` then and had this ``limit`` (see ``smbd``)."""

    pid: int
    started: int
    who: SignedIn
    address: str
    limit: int | None


def keep(path: Path, guests: Iterable[Guest]) -> bool:
    """Write down who is here; what cannot be written is reported, and is no yes."""
    lines = []
    for guest in guests:
        who, smbd = guest.visit.who, guest.seat.smbd
        changed = who.password_changed_at
        stamp = None if changed is None else changed.isoformat()
        lines.append([smbd.pid, smbd.started, who.login, who.at.isoformat(), stamp, guest.address, smbd.limit])
    try:
        write_whole(path, json.dumps(lines).encode(), 0o600)
    except OSError as error:
        _log.error("the sessions cannot be kept, so nobody new gets in: %s", error.strerror)
        return False
    return True


def kept(path: Path) -> Iterator[Kept]:
    """Give who was here; nobody if the file is not there or not whole."""
    try:
        lines = json.loads(path.read_bytes())
        found = [
            Kept(
                int(pid),
                int(started),
                SignedIn(
                    str(login), datetime.fromisoformat(at), None if stamp is None else datetime.fromisoformat(stamp)
                ),
                str(address),
                None if limit is None else int(limit),
            )
            for pid, started, login, at, stamp, address, limit in lines
        ]
    except (OSError, ValueError, TypeError):
        return
    yield from found
