"""The probe of the backup: whether the last copy, which was read back when it was made, is young enough (K07).

A copy proves itself: its run writes random bytes, finishes, fetches them and compares. Asking the second place every
few seconds would only fill its log, or make it shut us out.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from appliance.backup import standing
from appliance.supervisor.probe import ProbeFailed, Visitor


def probe_backup(visitor: Visitor) -> None:
    """Look at the record of copies; raises :class:`ProbeFailed`. Without a second place there is nothing to prove."""
    settings = visitor.settings
    if settings.backup.target is None:
        return
    try:
        record = standing.read(settings.server.state / "backup")
    except (OSError, ValueError) as problem:
        cause = os.strerror(problem.errno or 0) if isinstance(problem, OSError) else "it is damaged"
        raise ProbeFailed(None, f"the record of copies cannot be read: {cause}") from problem
    well, text = standing.judged(record, settings.backup.max_age, datetime.now(UTC))
    if not well:
        raise ProbeFailed(None, text)
