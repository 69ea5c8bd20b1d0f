"""How the others ask the password service: one client for asyncio, one that blocks.

May live here: requests and their typed answers. May not: keeping passwords, deciding. When the service does not answer,
a sign-in is TRY_LATER: a temporary failure is not a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.auth.replies import Answer, Change, ChangeVerdict, Verdict
from appliance.daemon.request_client import AsyncClient, BlockingClient, RequestRefused, Unreachable
from appliance.daemon.secret import Secret
from appliance.policy.account import Service

_PATIENCE = 15.0

__all__ = ["Answer", "AuthClient", "BlockingAuthClient", "Change", "ChangeVerdict", "Verdict"]


class AuthClient:
    """Asks the service on the Unix socket ``path``, any number of questions at once, each for ``timeout`` seconds."""

    def __init__(self, path: Path, timeout: float = _PATIENCE) -> None:
        self._client = AsyncClient(path, timeout)

    async def verify(self, service: Service, login: str, password: Secret, address: str | None) -> Verdict:
        """Check a sign-in of ``login`` (with or without the school's domain) from the IP ``address``; never raises."""
        try:
            return Verdict.read(await self._client.call("verify", **question(service, login, password, address)))
        except (Unreachable, RequestRefused, ValueError, KeyError, TypeError):
            return Verdict(Answer.TRY_LATER, login)

    async def close(self) -> None:
        """Give the connection back; a later question opens a new one."""
        await self._client.close()


class BlockingAuthClient:
    """The same for threads, one question at a time, and all that only the supervisor may ask.

    All but ``verify`` raise ``Unreachable`` (temporary) or ``RequestRefused`` (kinds: ``broken-envelope``,
    ``too-many``, ``try-later``, ``not-found``, ``failed``, ``not-allowed``, ``bad-argument``).
    """

    def __init__(self, path: Path, timeout: float = _PATIENCE) -> None:
        self._client = BlockingClient(path, timeout)

    def verify(self, service: Service, login: str, password: Secret, address: str | None) -> Verdict:
        """Check a sign-in of ``login`` (with or without the school's domain) from the IP ``address``; never raises."""
        try:
            return Verdict.read(self._client.call("verify", **question(service, login, password, address)))
        except (Unreachable, RequestRefused, ValueError, KeyError, TypeError):
            return Verdict(Answer.TRY_LATER, login)

    def key(self) -> str:
        """Return the public key (base64) for envelopes to the service; it changes when the service is restarted."""
        return str(self._client.call("key")["key"])

    def change(self, envelope: str) -> ChangeVerdict:
        """Pass on a sealed own change: ``{"login", "old", "new"}``."""
        return ChangeVerdict.read(self._client.call("change", envelope=envelope))

    def issue(self, logins: Sequence[str], recipient: str, by: str | None = None) -> tuple[str, tuple[str, ...]]:
        """Have one-time passwords written for at most 100 ``logins``, reset by ``by`` (``None``: first passwords).

        Returns the envelope for ``recipient``, a list of ``{"login", "password"}``, and the logins that are not in it.
        """
        found = self._client.call("issue", logins=list(logins), recipient=recipient, by=by)
        return str(found["sealed"]), tuple(map(str, found["missing"]))

    def issue_probe(self, login: str, recipient: str) -> str:
        """Have a password to keep written for an account of the server itself; an envelope like that of ``issue``."""
        return str(self._client.call("issue-probe", login=login, recipient=recipient)["sealed"])

    def close(self) -> None:
        """Give the connection back; a later question opens a new one."""
        self._client.close()


def question(service: Service, login: str, password: Secret, address: str | None) -> Mapping[str, Any]:
    """What ``verify`` asks, for whoever has a connection of his own."""
    return {"service": service.value, "login": login, "password": password.reveal(), "address": address}
