"""The run that systemd's timer starts: says in STATUS= how far it is, and by its exit code whether it is tried again.

May live here: what systemd hears. May not: the backup itself (``run``).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from appliance.backup import standing
from appliance.backup.intent import own_folder
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner
from appliance.backup.run import copy
from appliance.daemon.notify import Notifier

if TYPE_CHECKING:
    from appliance.settings.load import Settings

AGAIN: Final = 1
"""Exit code of what is tried again the same night."""

ENOUGH: Final = 3
"""Exit code of what is not: nothing is set up, or it failed too often; the probe of the backup says why."""

_log = logging.getLogger(__name__)


def night(settings: Settings, started: Callable[[Runner], None]) -> int:
    """Make the backup of this night; gives the exit code, 0 also where no backup server is named."""
    if settings.backup.target is None:
        return 0
    notifier = Notifier.taken_from(os.environ)
    try:
        made = copy(settings, lambda done, total, text: notifier.status(f"{text}, {100 * done // total} %"), started)
    except BackupError as error:
        notifier.status(error.text)
        _log.error("no backup was made: %s", error)
        if error.kind in ("not-set-up", "stopped"):
            return ENOUGH
        return AGAIN if standing.to_be_tried_again(standing.read(own_folder(settings).folder)) else ENOUGH
    finally:
        notifier.close()
    figures = made["figures"]
    _log.info(
        "backup %s: %d files, %d changed, %d bytes sent, %d s; %d left out, %d missing, %d unsettled",
        made["snapshot"],
        *(figures[name] for name in ("files", "changed", "sent", "seconds", "left_out", "missing", "unsettled")),
    )
    return 0
