"""What is done each hour for all schools: the look, and forgetting who is to be forgotten. Timers start it.

May live here: going through the schools, and what the journal gets of it: numbers. May not: either of the two.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial

from appliance.backup_server import alarm, forget, store, watch
from appliance.backup_server.enroll import Places
from appliance.backup_server.settings import Settings

_log = logging.getLogger(__name__)
_LOCK_WITHIN = 60.0  # who is at work for longer is waited for until the next hour


def look(settings: Settings) -> int:
    """Look at the copies and mail what is to be told; 1 while there is something to see to."""
    _set_up()
    tell = partial(alarm.send, settings.mail_to)
    return 0 if watch.watch(Places(settings), watch.MEMORY, tell, _now()) else 1


def forget_ripe(settings: Settings) -> int:
    """Remove who is to be forgotten by now from the copies of every school; 1 when one failed."""
    _set_up()
    failed = 0
    for school in store.schools(settings):
        place = store.place(settings, school)
        try:
            with place.locked(exclusive=True, seconds=_LOCK_WITHIN):
                did = forget.work(place.folder, _now)
        except store.Busy:
            continue
        except (OSError, ValueError) as error:
            _log.error("forgetting failed: %s", type(error).__name__)
            failed = 1
        else:
            if did.removed:
                _log.info("%d folders were removed from the copies", did.removed)
    return failed


def _set_up() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")


def _now() -> datetime:
    return datetime.now(UTC)
