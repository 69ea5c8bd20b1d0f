"""The closed table of what may be asked of the password service over its socket, and by whom.

May live here: arguments to calls, outcomes to replies. May not: any decision. Whoever may connect to the socket (its
mode says who) may check a password; only the supervisor may have one written.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from appliance.auth.changes import Changes
from appliance.auth.envelope import BrokenEnvelope, Keys, seal
from appliance.auth.mailbox import Mailboxes
from appliance.auth.session import SignIn
from appliance.auth.threads import Busy
from appliance.auth.ticket import Tickets
from appliance.daemon.request_server import Peer, RequestError, Verb
from appliance.daemon.secret import Secret
from appliance.directory.errors import DirectoryRefused, DirectoryUnavailable, NotFound
from appliance.policy.account import Service
from appliance.policy.audience import AUDIENCES

MOST_LOGINS = 100
_log = logging.getLogger(__name__)
_TRY_LATER = "the directory cannot be reached at the moment"
_TEXT_OR_NOTHING = (str, type(None))
_BY_TICKET: Mapping[str, type | tuple[type, ...]] = {"service": str, "login": str, "address": _TEXT_OR_NOTHING}
_SERVICES: Mapping[str, Service] = {
    service.value: service for service in Service if service in AUDIENCES["auth"].services
}
"""Those whose sign-ins are asked here: not log-on at a PC, which the directory checks by itself."""


class Verbs:
    """The handlers; ``supervisor`` is the user id that may have passwords written."""

    def __init__(
        self, sign_in: SignIn, tickets: Tickets, mailboxes: Mailboxes, changes: Changes, keys: Keys, supervisor: int
    ) -> None:
        self._sign_in = sign_in
        self._tickets = tickets
        self._mailboxes = mailboxes
        self._changes = changes
        self._keys = keys
        self._supervisor = supervisor

    def table(self) -> dict[str, Verb]:
        """Return all verbs by name."""
        return {
            "verify": Verb(self._verify, {"service": str, "login": str, "password": str, "address": _TEXT_OR_NOTHING}),
            "ticket": Verb(self._ticket, _BY_TICKET),
            "entered": Verb(self._entered, _BY_TICKET),
            "mailbox": Verb(self._mailbox, {"login": str, "address": _TEXT_OR_NOTHING}),
            "key": Verb(self._key),
            "change": Verb(self._change, {"envelope": str}, self._trusted),
            "issue": Verb(self._issue, {"logins": list[str], "recipient": str, "by": _TEXT_OR_NOTHING}, self._trusted),
            "issue-probe": Verb(self._issue_probe, {"login": str, "recipient": str}, self._trusted),
        }

    def _trusted(self, peer: Peer) -> bool:
        return peer.uid == self._supervisor

    async def _verify(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        service = _service(arguments["service"])
        try:
            verdict = await self._sign_in.verify(
                service, arguments["login"], Secret(arguments["password"]), arguments["address"]
            )
        except ValueError:
            raise RequestError("bad-argument", "address is an IP address or null") from None
        return verdict.fields()

    async def _ticket(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        service = _service(arguments["service"])
        try:
            shown = self._tickets.shown(service, arguments["login"], arguments["address"])
        except ValueError:
            raise RequestError("bad-argument", "address is an IP address or null") from None
        return {**shown.verdict.fields(), "principals": ",".join(shown.principals), "too_soon": shown.too_soon}

    async def _entered(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        self._tickets.entered(_service(arguments["service"]), arguments["login"], arguments["address"])
        return {}

    async def _mailbox(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        bounds = self._mailboxes.bounds(arguments["login"], arguments["address"])
        if bounds is None:
            raise RequestError("not-open", "mail is not open to this account")
        return {"largest": bounds.largest, "space": bounds.space}

    async def _key(self, _arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        return {"key": self._keys.public}

    async def _change(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        match self._opened(arguments["envelope"]):
            case {"login": str(login), "old": str(old), "new": str(new), **rest} if not rest:
                pass
            case _:
                raise RequestError("broken-envelope", "the envelope holds login, old and new, each a text")
        try:
            return (await self._changes.change(login, Secret(old), Secret(new))).fields()
        except (NotFound, DirectoryRefused) as error:
            raise _failed(error) from error

    async def _issue(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        logins: list[str] = arguments["logins"]
        if len(logins) > MOST_LOGINS:
            raise RequestError("too-many", f"at most {MOST_LOGINS} logins at once")
        _sealed({}, arguments["recipient"])
        try:
            issued = await self._changes.issue(logins, arguments["by"])
        except (DirectoryUnavailable, Busy):
            raise RequestError("try-later", _TRY_LATER) from None
        except DirectoryRefused as error:
            raise _failed(error) from error
        missing = [login for login in logins if login not in issued]
        return {"sealed": _sealed(issued, arguments["recipient"]), "missing": missing}

    async def _issue_probe(self, arguments: Mapping[str, Any], _peer: Peer) -> Mapping[str, Any]:
        login, recipient = arguments["login"], arguments["recipient"]
        _sealed({}, recipient)
        try:
            password = await self._changes.issue_probe(login)
        except (DirectoryUnavailable, Busy):
            raise RequestError("try-later", _TRY_LATER) from None
        except NotFound:
            raise RequestError("not-found", "there is no such account") from None
        except DirectoryRefused as error:
            raise _failed(error) from error
        if password is None:
            raise RequestError("not-allowed", "this is only for accounts of the server itself")
        return {"sealed": _sealed({login: password}, recipient)}

    def _opened(self, envelope: str) -> object:
        try:
            return self._keys.open(envelope)
        except BrokenEnvelope:
            text = "the envelope is not sealed for the current key; fetch the key and try again"
            raise RequestError("broken-envelope", text) from None


def _service(name: str) -> Service:
    if name not in _SERVICES:
        raise RequestError("bad-argument", f"service is one of {', '.join(_SERVICES)}")
    return _SERVICES[name]


def _sealed(passwords: Mapping[str, Secret], recipient: str) -> str:
    content = [{"login": login, "password": password.reveal()} for login, password in passwords.items()]
    try:
        return seal(content, recipient)
    except BrokenEnvelope:
        raise RequestError("bad-argument", "recipient is not a public key") from None


def _failed(error: Exception) -> RequestError:
    _log.error("a password was not written: %s", type(error).__name__)
    return RequestError("failed", "the directory did not take the password; its journal says why")
