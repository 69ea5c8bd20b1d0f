"""The probe of the backup: whether the last one, whose signed index was read back, is young enough (K07).

Asking the backup server every few seconds would only fill its log, or make it shut us out.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from appliance.backup import standing
from appliance.supervisor.probe import ProbeFailed, Visitor


def probe_backup(visitor: Visitor) -> str | None:
    """Look at the record of the backup, and say how it is; raises :class:`ProbeFailed`.

    Without a backup server there is nothing to prove.
    """
    settings = visitor.settings
    if settings.backup.target is None:
        return None
    try:
        record = standing.read(settings.server.state / "backup")
    except (OSError, ValueError) as problem:
        cause = os.strerror(problem.errno or 0) if isinstance(problem, OSError) else "it is damaged"
        raise ProbeFailed(None, f"the record of the backup cannot be read: {cause}") from problem
    well, text = standing.judged(record, settings.backup.max_age, datetime.now(UTC))
    if not well:
        raise ProbeFailed(None, text)
    return text
