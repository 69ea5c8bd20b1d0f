"""Looks at the copies of all schools and tells whoever looks after this machine what is wrong; run each hour.

May live here: looking, and remembering what was told. May not: what is wrong (``watch_rule``), how often that is told
(``alarm_rule``). The journal gets numbers only.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.backup_server import alarm_rule, disk, enroll, forget_list, store
from appliance.backup_server.alarm import NotSent
from appliance.backup_server.alarm_rule import Memory, News, Told, Trouble
from appliance.backup_server.encrypted import encrypted
from appliance.backup_server.enroll import Places
from appliance.backup_server.kept_file import write_kept
from appliance.backup_server.names import moment
from appliance.backup_server.watch_rule import Disk, Forgetting, School, troubles

MEMORY = Path("/var/lib/schoolserver-backup-server/told.json")
"""What was told; beside it nothing is kept."""

_log = logging.getLogger(__name__)


def watch(places: Places, memory: Path, tell: Callable[[News], None], now: datetime) -> bool:
    """Look, ``tell`` what is to be told (raises :class:`alarm.NotSent`), remember it; whether all is well.

    What could not be told is told the next time. Raises ``OSError``.
    """
    found = troubles(_schools(places), _disk(places), _allowed(places), now)
    known = _read(memory)
    told = alarm_rule.news(known, found, now)
    sent = True
    if told.troubles or told.over:
        try:
            tell(told)
        except NotSent as problem:
            _log.error("the mail about the copies cannot be sent: %s", problem)
            sent, told = False, News((), ())
    if sent:
        _write(memory, alarm_rule.remembered(known, found, told, now))
    lasting = [one for one in found if not one.once]
    if lasting:
        _log.error("%d to see to: %s", len(lasting), ", ".join(sorted({_kind(one) for one in lasting})))
    return sent and not lasting


def _kind(trouble: Trouble) -> str:
    return trouble.key.partition(" ")[0]


def _schools(places: Places) -> list[School]:
    return [_seen(places, name) for name in enroll.schools(places)]


def _seen(places: Places, name: str) -> School:
    paired = enroll.paired(places, name)
    since = datetime.fromtimestamp(paired if paired is not None else 0, UTC)
    try:
        found = store.place(places.settings, name)
    except ValueError:
        problem = f"there is nothing of it in {places.settings.folder}; is the disk mounted?"
        return School(name, since, paired is not None, problem=problem)
    try:
        names, commit = found.names(), found.state().get("commit", {})
        waiting = [one for one in forget_list.read(found.folder) if one.done is None and one.confirmed is None]
        return School(
            name,
            since,
            paired is not None,
            moment(names[-1]) if names else None,
            commit.get("failed"),
            int(commit.get("added") or 0),
            [Forgetting(one.id, one.ripe, one.consent) for one in waiting],
        )
    except (OSError, ValueError, TypeError, AttributeError) as error:
        said = os.strerror(error.errno or 0) if isinstance(error, OSError) else "what is remembered of it is broken"
        return School(name, since, paired is not None, problem=said)


def _disk(places: Places) -> Disk:
    """Where it cannot be asked, the schools' own trouble says so."""
    folder = places.settings.folder
    try:
        free, total = disk.room(folder)
        return Disk(free, total, places.settings.least_free / 100, encrypted(folder) is not False)
    except OSError:
        return Disk(free=0, total=0, least=0, encrypted=True)


def _allowed(places: Places) -> timedelta:
    return timedelta(hours=places.settings.silent)


def _read(path: Path) -> Memory:
    """What was told; where that is lost, it is told again."""
    try:
        found = json.loads(path.read_bytes())
        return {
            key: Told(str(one["text"]), datetime.fromisoformat(one["at"]).astimezone(UTC), bool(one["once"]))
            for key, one in found.items()
        }
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write(path: Path, memory: Memory) -> None:
    plain = {key: {"text": one.text, "at": one.at.isoformat(), "once": one.once} for key, one in memory.items()}
    write_kept(path, json.dumps(plain, indent=1).encode(), 0o600)
