"""The supervisor's end of the privileged process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.daemon.request_client import BlockingClient
from appliance.usage.scan import Found

_TIMEOUT = 60.0


class PrivilegedClient:
    """Asks the process behind the socket ``path``; blocking, at most ``timeout`` seconds a call, thread-safe.

    Every call raises ``daemon.request_client.Unreachable`` (temporary) or ``RequestRefused`` (kinds ``bad-argument``,
    ``conflict``, ``engine-refused``, ``disk``, ``not-allowed``; for units also ``unknown-unit``, ``not-possible``,
    ``reload-refused``, ``try-later``).
    """

    def __init__(self, path: Path, timeout: float = _TIMEOUT) -> None:
        self._client = BlockingClient(path, timeout)

    def home_make(self, login: str, uid: int, gid: int) -> bool:
        """Make the home of ``login`` (0700, numeric owner ``uid`` and ``gid``); whether it was missing."""
        return bool(self._client.call("home-make", login=login, uid=uid, gid=gid)["made"])

    def home_remove(self, login: str) -> bool:
        """Remove the home of ``login`` for good; whether there was one."""
        return bool(self._client.call("home-remove", login=login)["removed"])

    def group_make(self, name: str, gid: int) -> bool:
        """Make the folder of the group ``name`` (2770, numeric group ``gid``); whether it was missing."""
        return bool(self._client.call("group-make", name=name, gid=gid)["made"])

    def engine_install(self, engine: str, text: str) -> bool:
        """Make ``text`` the file of ``engine`` (``imap``) and let it be read; whether anything changed."""
        return bool(self._client.call("engine-install", engine=engine, text=text)["changed"])

    def session_kick(self, service: str, login: str) -> bool:
        """End the sessions of ``login`` at the engine of ``service`` (``mail``); whether there were any."""
        return bool(self._client.call("session-kick", service=service, login=login)["kicked"])

    def backup(self, action: str, /, **arguments: str | int | None) -> int:
        """Begin ``run``, ``list``, ``setup`` (fingerprint) or ``restore`` (login, uid, path, date); its number."""
        return int(self._client.call(f"backup-{action}", **arguments)["job"])

    def backup_follow(self, job: int, seen: int) -> dict[str, Any]:
        """How the action of that number is, once it is not as it was ``seen`` (0 at first), or some seconds later.

        Gives ``seen``, ``progress`` (done, total, text) and ``outcome``: null while it runs, then an object with
        ``result`` or ``error`` (kind, text). Refused with ``unknown-job`` when it was interrupted.
        """
        return self._client.call("backup-follow", job=job, seen=seen)

    def usage_scan(self, logins: Sequence[str], groups: bool) -> Found:
        """Count the mailboxes and homes of ``logins`` (at most 1,000), and all ``groups``."""
        found = self._client.call("usage-scan", logins=list(logins), groups=groups)
        return Found(found["mail"], {int(uid): size for uid, size in found["files"].items()}, found["homes"])

    def keytabs_keep(self) -> tuple[str, ...]:
        """See to the keys of our services in the server's own domain; those that are others now (``imap``).

        Refused with ``try-later``, ``not-possible`` or ``failed`` (the text says why).
        """
        return tuple(map(str, self._client.call("keytabs-keep")["changed"]))

    def unit_restart(self, name: str) -> None:
        """Ask systemd for a fresh process of our unit ``name`` (``mail``); returns before it is ready."""
        self._client.call("unit-restart", name=name)

    def unit_reload(self, name: str) -> None:
        """Let our unit ``name`` read its settings again; returns when they count there.

        Refused with ``reload-refused`` when it goes on with its former ones, ``not-possible`` where it has no reload.
        """
        self._client.call("unit-reload", name=name)

    def close(self) -> None:
        """Give the connection back; a later call opens a new one."""
        self._client.close()
