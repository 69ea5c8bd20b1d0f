"""The verb that says whether this server delivered a message, when and from whom: by the mark in its first line (K09).

It gets that line and a digest, never the message: who asks reads that himself, and the supervisor no content (K16).
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from appliance.supervisor.core import Core
from appliance.supervisor.verb import Argument, Call, Verb, VerbError
from appliance.supervisor.when import shown

_LINE_LIMIT = 1000


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""

    def verify(call: Call) -> dict[str, Any]:
        return _verify(core, call.arguments["line"], call.arguments["digest"])

    return {"mail.verify": Verb(verify, {"line": Argument(limit=_LINE_LIMIT), "digest": Argument(limit=64)})}


def _verify(core: Core, line: str, digest: str) -> dict[str, Any]:
    if find_spec("appliance.mail") is None:
        raise VerbError("not-installed", "this server has no mail (package schoolserver-mail), so it delivered none")
    from appliance.mail.seal import FIELD, Evidence, judge  # of a package that may be missing
    from appliance.mail.seal_key import NoKey, marked_since, public_keys

    try:
        folder = core.settings.server.state / "mail"
        keys, since = public_keys(folder), marked_since(folder)
    except NoKey as problem:
        raise VerbError("state", str(problem)) from problem
    except OSError as problem:
        raise VerbError("state", f"the key of the mark cannot be read: {problem.strerror}") from problem
    found = judge(Evidence(line, digest), keys)
    zone = core.settings.school.zone
    if found is None:
        marked = line.startswith(f"{FIELD}:")
        return {"delivered": False, "marked": marked, "since": None if since is None else shown(since, zone)}
    at = shown(found.at, zone)
    return {"delivered": True, "id": found.identity, "at": at, "sender": found.sender}
