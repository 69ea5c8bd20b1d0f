"""The supervisor's requests to auth: sealed envelopes go through, no user's password is ever seen.

May live here: which request may take how long, the hidden account's password. May not: passwords of users in clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from appliance.auth.client import BlockingAuthClient
from appliance.auth.envelope import BrokenEnvelope, Keys
from appliance.daemon.secret import Secret

BATCH: Final = 100
"""Logins that auth takes in one request."""
_TIMEOUT: Final = 15.0
_BATCH_TIMEOUT: Final = 120.0


class Passwords:
    """Asks auth on the socket ``path``, each request on a connection of its own: a long one holds up no other.

    All methods block and raise ``daemon.request_client.Unreachable`` or ``RequestRefused``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def key(self) -> str:
        """The public key for which an own change is sealed, base64."""
        with self._asking(_TIMEOUT) as auth:
            return auth.key()

    def change(self, envelope: str) -> dict[str, Any]:
        """Relay a sealed own change; ``{"answer", "problems", "retry_after"}``."""
        with self._asking(_TIMEOUT) as auth:
            return auth.change(envelope).fields()

    def issue(self, logins: Sequence[str], recipient: str, by: str | None) -> tuple[str, tuple[str, ...]]:
        """Have one-time passwords written for at most ``BATCH`` logins and sealed for ``recipient``.

        Gives the envelope and the logins for which it did not work. ``by`` is who resets them, ``None`` for first ones.
        """
        with self._asking(_BATCH_TIMEOUT) as auth:
            return auth.issue(logins, recipient, by)

    def issue_probe(self, login: str) -> Secret:
        """Have a password written for the hidden account ``login``; sealed on the way, kept in memory only.

        Raises ``BrokenEnvelope`` for one that cannot be opened.
        """
        keys = Keys.generate()
        with self._asking(_TIMEOUT) as auth:
            opened = keys.open(auth.issue_probe(login, keys.public))
        given = opened[0] if isinstance(opened, list) and opened else opened
        if not isinstance(given, dict) or given.get("login") != login or "password" not in given:
            raise BrokenEnvelope("the envelope is not about this account")
        return Secret(given["password"])

    @contextmanager
    def _asking(self, timeout: float) -> Iterator[BlockingAuthClient]:
        with closing(BlockingAuthClient(self._path, timeout)) as client:
            yield client
