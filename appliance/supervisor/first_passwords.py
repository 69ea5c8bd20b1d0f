"""First passwords: one-time ones for accounts that never got any, in batches, sealed for whoever asked.

May live here: batches and what became of each. May not: who gets one (an import, or everybody after a move).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.supervisor.core import Core
from appliance.supervisor.passwords import BATCH
from appliance.supervisor.register import known_people


def without_password(core: Core) -> list[str]:
    """Give the logins of all who never got a password, sorted; closed accounts need none."""
    return sorted(
        person.login for person in known_people(core) if not (person.has_password or person.disabled or person.pending)
    )


def issue(
    core: Core, logins: Sequence[str], recipient: str, progress: Callable[[int, int, str], None], later: str
) -> tuple[str, list[str]]:
    """Give the envelopes for ``recipient``, one a line, and warnings on who got none; ``later`` says what mends that.

    A failure loses no account, only passwords.
    """
    envelopes, warnings = [], []
    for start in range(0, len(logins), BATCH):
        progress(start, len(logins), "first passwords")
        batch = logins[start : start + BATCH]
        try:
            sealed, missing = core.passwords.issue(batch, recipient, None)
        except (Unreachable, RequestRefused) as problem:
            warnings.append(_warning(logins[start:], str(problem), later))
            break
        envelopes.append(sealed)
        if missing:
            warnings.append(_warning(missing, "the directory refused them", later))
    return "\n".join(envelopes), warnings


def _warning(logins: Sequence[str], cause: str, later: str) -> str:
    named = ", ".join(logins[:10]) + (" …" if len(logins) > 10 else "")
    return f"{len(logins)} accounts have no password yet ({named}): {cause}; {later}"
