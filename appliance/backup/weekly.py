"""The drill that systemd's timer starts: says in STATUS= how far it is, and by its exit code whether it is tried again.

May live here: what systemd hears. May not: the drill itself (``drill``). Faults that it finds are no failure of the
drill: status, alerts and the report tell of them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from appliance.backup.drill import drill
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner
from appliance.daemon.notify import Notifier

if TYPE_CHECKING:
    from appliance.settings.load import Settings

AGAIN: Final = 1
"""Exit code of what is tried again later: the backup server is away, say."""

ENOUGH: Final = 3
"""Exit code of what is not, as only the carer can help."""

_log = logging.getLogger(__name__)


def weekly(settings: Settings, started: Callable[[Runner], None]) -> int:
    """Make the drill of this week; gives the exit code, 0 also where no backup server is named."""
    if settings.backup.target is None:
        return 0
    notifier = Notifier.taken_from(os.environ)
    try:
        drill(settings, lambda done, total, text: notifier.status(f"{text}, {100 * done // total} %"), started)
    except BackupError as error:
        notifier.status(error.text)
        _log.error("the drill came to no end: %s", error)
        return ENOUGH if error.kind in ("not-set-up", "stopped") else AGAIN
    finally:
        notifier.close()
    return 0
