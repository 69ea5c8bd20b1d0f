"""Verbs that say why: a decision before it is made, a refusal after it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from appliance.policy.account import Service
from appliance.policy.codes import normalise
from appliance.policy.decision import Allow, Decision, Deny
from appliance.policy.mailboxes import writes_as
from appliance.policy.owners import NOBODY, owner, plain
from appliance.policy.reach import Refused, from_person
from appliance.policy.request import Action, Request
from appliance.policy.rules import explain, room_of
from appliance.policy.snapshot import Snapshot
from appliance.policy.targets import host_of
from appliance.supervisor.core import Core
from appliance.supervisor.explain_changes import changes
from appliance.supervisor.explain_lists import Listed, listed
from appliance.supervisor.explain_search import search_steps
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional
from appliance.supervisor.verbs_lessons import set_by
from appliance.supervisor.verbs_limits import unlimited_over
from appliance.supervisor.when import instant, shown

_ABOUT = {Service.MAIL: Action.SEND, Service.FILES: Action.READ, Service.WEB: Action.FETCH, Service.PC: Action.SIGN_IN}
"""What somebody wants who names a target."""
_TUNNELS = (
    "over HTTPS the limits are for all that passes to and from one host within proxy.yaml tunnel_window, and exempt "
    "hosts have none; whether there is room just now is another matter"
)


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""

    def explain_(call: Call) -> dict[str, Any]:
        return _explain(core, call)

    def why(call: Call) -> dict[str, Any]:
        try:
            code = normalise(call.arguments["code"])
        except ValueError as problem:
            raise VerbError("wrong-arguments", f"argument 'code': {problem}") from problem
        return core.why(code)

    return {
        "explain": Verb(
            explain_,
            {
                "login": Argument(),
                "service": Argument(choices=tuple(Service)),
                "target": optional(default="", limit=4096),
                "at": optional(),
                "room": optional(),
                "address": optional(),
                "device": optional(),
            },
        ),
        "why": Verb(why, {"code": Argument(limit=40)}),
    }


def _explain(core: Core, call: Call) -> dict[str, Any]:
    given, snapshot = call.arguments, core.snapshot()
    now = core.clock() if given["at"] is None else instant("at", given["at"], snapshot.zone)
    request = _request(snapshot, given)
    service, target, address = request.service, request.target, request.address
    sites = Listed()
    if service is Service.WEB and (host := host_of(target)):
        sites = listed(core.settings, host, target)
        request = replace(request, categories=sites.categories)
    decision, steps = explain(snapshot, request, now)
    if request.room is not None:
        steps = (f"in room {request.room}", *steps)
    steps = (*steps, *sites.steps)
    if by := set_by(core, decision.rule):
        steps = (*steps, by)
    if service is Service.WEB and isinstance(decision, Allow):
        steps = (*steps, *search_steps(snapshot, request.login, host_of(target) or ""), _TUNNELS)
    if service is Service.WEB and address is not None:
        steps = (*steps, _whose(snapshot, request.login, address, now))
    if service is Service.MAIL and target and isinstance(decision, Allow):
        decision, reached = _reached(snapshot, request.login, target, decision)
        steps = (*steps, reached)
    elif service is Service.MAIL and isinstance(decision, Allow):
        steps = (*steps, f"writes as {', '.join(writes_as(snapshot, snapshot.accounts[request.login]))}")
    return {
        "at": now.astimezone(snapshot.zone).isoformat(),
        "room": request.room,
        **_shown(decision, service, unlimited_over(core, service), snapshot.zone),
        "steps": list(steps),
        "changes": list(changes(decision, request, snapshot)) if isinstance(decision, Deny) else [],
    }


def _request(snapshot: Snapshot, given: Mapping[str, Any]) -> Request:
    service, room, address = Service(given["service"]), given["room"], given["address"]
    if room is not None and room not in snapshot.rooms:
        known = ", ".join(snapshot.rooms) or "none"
        raise VerbError("wrong-arguments", f"argument 'room' is {room!r}; rooms in network.yaml: {known}")
    if given["device"] is not None and (address is not None or service is not Service.WEB):
        raise VerbError("wrong-arguments", "argument 'device' is for web, instead of 'address'")
    for name in ("address", "device"):
        if given[name] is not None:
            _check_address(name, given[name])
    by_address, address = given["device"] is not None, address or given["device"]
    if address is not None:
        room = room or room_of(snapshot, address)
    login = given["login"].strip().lower().removesuffix(f"@{snapshot.domain}")
    action = _ABOUT[service] if given["target"] else Action.SIGN_IN
    return Request(login, service, action, given["target"], address, room, by_address=by_address)


def _whose(snapshot: Snapshot, login: str, address: str, now: datetime) -> str:
    binding = owner(snapshot, address, now)
    if binding is None and login == NOBODY:
        return f"{address} is nobody's device"
    if binding is None:
        return f"{address} is nobody's device; what is open to such says: schoolserver explain '{NOBODY}' web"
    return f"{address} is a device of {binding.login} until {shown(binding.until, snapshot.zone)}"


def _reached(snapshot: Snapshot, login: str, target: str, opened: Allow) -> tuple[Decision, str]:
    """Give the decision on a letter to ``target``, an address or the part before the @ of one of the school."""
    found = from_person(snapshot, login, target if "@" in target else f"{target}@{snapshot.domain}")
    if isinstance(found, Refused):
        return Deny(found.reason, found.rule, opened.valid_until), f"{target} cannot be written to"
    where = "an address outside of the school" if found.outside else f"{len(found.logins)} mailbox(es)"
    others = "whether they have room is another matter, and so is how much was sent within the hour"
    return replace(opened, rule=found.rule), f"{target} is {where}; {others}"


def _shown(decision: Decision, service: Service, unlimited: str | None, zone: ZoneInfo) -> dict[str, Any]:
    limits = decision.limits if isinstance(decision, Allow) and service.transfers else None
    answer = "allow" if isinstance(decision, Allow) else "deny" if isinstance(decision, Deny) else "try-later"
    return {
        "answer": answer,
        "reason": decision.reason if isinstance(decision, Deny) else None,
        "rule": {"source": decision.rule.source, "text": decision.rule.text},
        "valid_until": shown(decision.valid_until, zone) if decision.valid_until else None,
        "limits": {"upload": limits.upload, "download": limits.download, "download_unlimited_over": unlimited}
        if limits
        else None,
    }


def _check_address(name: str, address: str) -> None:
    if plain(address) is None:
        raise VerbError("wrong-arguments", f"argument '{name}' is {address[:60]!r}; it must be an IP address")
