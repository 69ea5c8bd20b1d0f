"""Verbs about mail that waits on its way out of the school: what waits, try it now, stop sending it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from appliance.supervisor.core import Core
from appliance.supervisor.outbound import client
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional
from appliance.supervisor.verbs_limits import reason_of
from appliance.supervisor.when import shown

_NOT_THERE = "no message of this id waits, or it is being sent just now; see: schoolserver mail queue"


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    mail = _MailVerbs(core)
    return {
        "mail.queue": Verb(mail.queue),
        "mail.retry": Verb(mail.retry, {"message": optional()}),
        "mail.dkim": Verb(mail.dkim),
        "mail.drop": Verb(mail.drop, {"message": Argument(), "reason": Argument()}),
    }


class _MailVerbs:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._outbound = client(core.settings.server.runtime)

    def queue(self, _call: Call) -> dict[str, Any]:
        zone, answer = self._core.settings.school.zone, self._outbound.call("queue")

        def instant(text: str) -> str:
            return shown(datetime.fromisoformat(text), zone)

        waiting = [{**one, "since": instant(one["since"]), "next": instant(one["next"])} for one in answer["waiting"]]
        return {"waiting": waiting, "problem": answer["problem"]}

    def dkim(self, _call: Call) -> dict[str, Any]:
        """The name and the text of the record of the key that outgoing mail is signed with; null: none is."""
        return {"dkim": self._outbound.call("standing")["dkim"]}

    def retry(self, call: Call) -> dict[str, Any]:
        message = call.arguments["message"]
        answer = self._outbound.call("retry", message=message)
        if message is not None and not answer["count"]:
            raise VerbError("not-found", _NOT_THERE)
        return answer

    def drop(self, call: Call) -> dict[str, Any]:
        reason = reason_of(call.arguments, "K34")
        if not self._outbound.call("drop", message=call.arguments["message"], by=call.by, reason=reason)["dropped"]:
            raise VerbError("not-found", _NOT_THERE)
        return {}
