"""The verb that imports a roster: read, plan, apply, homes, first passwords. What it does is ``appliance.roster``."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Sequence
from typing import Any, Final

from appliance.policy.account import Consent
from appliance.policy.events import Kind
from appliance.roster import apply, parse, plan
from appliance.roster.plan import Plan
from appliance.roster.record import RosterError
from appliance.supervisor import first_passwords
from appliance.supervisor.core import Core
from appliance.supervisor.register import Register, known_people
from appliance.supervisor.verb import Argument, Call, Verb, VerbError, optional
from appliance.supervisor.verbs_passwords import KEY

RESERVED: Final = frozenset(
    {"abuse", "admin", "administrator", "hostmaster", "mailer-daemon", "postmaster", "root", "schoolserver-probe"}
    | {"security", "webmaster"}
)
"""Logins that no person gets: they have a meaning of their own on a mail domain or a machine (RFC 2142)."""

_CONTENT_LIMIT = 1024 * 1024


def verbs(core: Core) -> dict[str, Verb]:
    """The verbs of this noun."""
    running = threading.Lock()

    def import_(call: Call) -> dict[str, Any]:
        if not running.acquire(blocking=False):
            raise VerbError("busy", "another import is running; try again when it has ended")
        try:
            return _Import(core, call).run()
        finally:
            running.release()

    return {
        "users.import": Verb(
            import_,
            {
                "content": Argument(limit=_CONTENT_LIMIT),
                "filename": Argument(limit=255),
                "profile": optional(default="generic"),
                "dry_run": Argument(bool),
                "consents": optional(list, default=[], choices=tuple(Consent)),
                "consent_version": optional(default="", limit=80),
                "recipient": optional(limit=KEY.limit),
                "allow_gone": optional(bool, default=False),
            },
        )
    }


class _Import:
    def __init__(self, core: Core, call: Call) -> None:
        self._core = core
        self._call = call
        self._warnings: list[str] = []

    def run(self) -> dict[str, Any]:
        core, given = self._core, self._call.arguments
        core.publisher.look()
        if core.publisher.directory is None or core.publisher.standing.away:
            raise VerbError("try-later", "the directory gives no answer; nothing was done")
        found = self._plan()
        if given["dry_run"]:
            return {"plan": _shown(found), "applied": False, "sealed": None, "warnings": []}
        if given["recipient"] is None:
            raise VerbError(
                "wrong-arguments", "argument 'recipient' is missing: for whom are the first passwords sealed?"
            )
        core.room()
        try:
            sealed = self._apply(found)
        finally:
            core.in_force(directory_too=True)
        self._warnings += core.homes.repair(core.snapshot().accounts.values(), self._call.progress)
        self._warnings += core.group_folders.repair(core.snapshot().groups.values())
        for new in found.new:
            core.record(Kind.ACCOUNT_CREATED, login=new.login)
        core.record(
            Kind.IMPORT_APPLIED,
            by=self._call.by,
            new=len(found.new),
            changed=len(found.changed),
            moved=len(found.moved),
            gone=len(found.gone),
        )
        return {"plan": _shown(found), "applied": True, "sealed": sealed or None, "warnings": self._warnings}

    def _plan(self) -> Plan:
        core, given = self._core, self._call.arguments
        settings = core.settings.accounts
        profile = settings.profiles.get(given["profile"])
        if profile is None:
            known = ", ".join(settings.profiles)
            raise VerbError("wrong-arguments", f"argument 'profile' is {given['profile']!r}; in accounts.yaml: {known}")
        if given["consents"] and not given["consent_version"].strip():
            raise VerbError("wrong-arguments", "argument 'consent_version' is missing: which text was agreed to?")
        hidden = {account.login for account in core.snapshot().accounts.values() if account.hidden}
        addresses = {*core.snapshot().groups, *core.snapshot().mail.addresses}
        try:
            found = plan.plan(
                parse.read(_content(given["content"]), given["filename"], profile),
                known_people(core),
                filename=given["filename"],
                given=self._given(),
                taken=RESERVED | hidden | addresses,
                groups={group.name: group.kind for group in core.snapshot().groups.values()},
                gone_share=settings.gone_share,
                allow_gone=given["allow_gone"],
            )
        except RosterError as error:
            raise VerbError("roster", str(error)) from error
        if found.problems:
            raise VerbError("roster", "\n".join(str(problem) for problem in found.problems))
        return found

    def _apply(self, found: Plan) -> str:
        core, call = self._core, self._call
        return apply.apply(
            found,
            register=Register(core, call.by),
            writer=core.directory,
            existing=frozenset(core.snapshot().groups),
            given=self._given(),
            issue=self._issue,
            progress=call.progress,
            version=call.arguments["consent_version"].strip() or f"as in {call.arguments['filename']}"[:80],
        )

    def _given(self) -> frozenset[Consent]:
        return frozenset(Consent(name) for name in self._call.arguments["consents"])

    def _issue(self, logins: Sequence[str]) -> str:
        call, later = self._call, "the next import gives them one"
        sealed, warnings = first_passwords.issue(self._core, logins, call.arguments["recipient"], call.progress, later)
        self._warnings += warnings
        return sealed


def _content(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise VerbError("wrong-arguments", "argument 'content' is not base64") from None


def _shown(found: Plan) -> dict[str, Any]:
    return {
        "new": [
            {
                "login": new.login,
                "name": f"{new.row.given_name} {new.row.surname}",
                "groups": sorted(group.name for group in new.row.groups),
            }
            for new in found.new
        ],
        "changed": [
            {"login": change.login, "what": {name: list(pair) for name, pair in change.what.items()}}
            for change in found.changed
        ],
        "moved": [
            {"login": move.login, "leaves": list(move.leaves), "joins": [group.name for group in move.joins]}
            for move in found.moved
        ],
        "gone": list(found.gone),
        "returned": list(found.returned),
        "unissued": list(found.unissued),
        "waiting": [{"name": f"{row.given_name} {row.surname}", "line": row.line} for row in found.waiting],
    }
