"""The closed table of verbs of the control socket. A new noun is a new module here, and a line below."""

from __future__ import annotations

from appliance.supervisor import (
    verbs_backup,
    verbs_devices,
    verbs_drill,
    verbs_explain,
    verbs_folders,
    verbs_import,
    verbs_lessons,
    verbs_limits,
    verbs_mail,
    verbs_passwords,
    verbs_quota,
    verbs_restore,
    verbs_seal,
    verbs_server,
    verbs_users,
    verbs_web_lists,
)
from appliance.supervisor.core import Core, guarded
from appliance.supervisor.verb import Verb

_NOUNS = (
    verbs_backup,
    verbs_drill,
    verbs_restore,
    verbs_server,
    verbs_users,
    verbs_import,
    verbs_passwords,
    verbs_explain,
    verbs_limits,
    verbs_quota,
    verbs_devices,
    verbs_lessons,
    verbs_folders,
    verbs_seal,
    verbs_mail,
    verbs_web_lists,
)


def table(core: Core) -> dict[str, Verb]:
    """All verbs by name."""
    return {name: guarded(verb) for noun in _NOUNS for name, verb in noun.verbs(core).items()}
