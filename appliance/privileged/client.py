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
        """Make the home of ``login`` (0700, numeric owner ``uid`` and ``gid``); whether it was missing.

        Its mailbox comes back with it, and goes with one of another id.
        """
        return bool(self._client.call("home-make", login=login, uid=uid, gid=gid)["made"])

    def home_remove(self, login: str, uid: int) -> bool:
        """Remove home and mailbox of ``login`` for good, and all former versions of ``uid``'s; whether it was."""
        return bool(self._client.call("home-remove", login=login, uid=uid)["removed"])

    def group_make(self, name: str, gid: int, was: str | None = None) -> bool:
        """Make the folder of the group ``name`` (2770, numeric group ``gid``), which ``was`` another's name until now.

        Whether it was missing.
        """
        return bool(
            self._client.call("group-make", name=name, gid=gid, **({} if was is None else {"was": was}))["made"]
        )

    def group_mend(self, name: str, gid: int) -> tuple[int, int]:
        """Give all that lies in the folder of the group ``name`` to ``gid``, shared by its members.

        How many files and folders were another's, and how many files were left, for they have a second name.
        """
        found = self._client.call("group-mend", name=name, gid=gid)
        return int(found["changed"]), int(found["left"])

    def folders_list(self) -> dict[str, Any]:
        """Give ``homes``, ``groups`` and ``mail`` (name to numeric id), and kind, name, number, day of each ``former``.

        Mailboxes have no id of their own (0); one put aside has that of its home, 0 where that was gone before.
        ``numbered``: whether ids mean anything; where the helper is not root all is its own and they are 0.
        """
        return self._client.call("folders-list")

    def folder_aside(self, kind: str, name: str, number: int) -> bool:
        """Put the folder ``name`` of ``kind`` (``homes`` with mailbox, ``groups``, ``mail``) of ``number`` aside."""
        return bool(self._client.call("folder-aside", kind=kind, name=name, number=number)["done"])

    def folder_give(self, kind: str, former: tuple[str, int], heir: tuple[str, int]) -> tuple[str, int]:
        """Put what was put aside into that of ``heir`` (a mailbox into the mailbox); both are name and number.

        Its name there, and how many files were left to their former owner, for they have a second name.
        """
        (name, number), (to, new) = former, heir
        found = self._client.call("folder-give", kind=kind, name=name, number=number, to=to, heir=new)
        return str(found["folder"]), int(found["left"])

    def folder_remove(self, kind: str, name: str, number: int) -> bool:
        """Delete a folder that was put aside, for good; whether there was one."""
        return bool(self._client.call("folder-remove", kind=kind, name=name, number=number)["done"])

    def rests_sweep(self) -> int:
        """Delete what is left of uploads for which nobody came back for a day; how many."""
        return int(self._client.call("rests-sweep")["removed"])

    def shadows_list(self) -> tuple[str | None, tuple[str, ...]]:
        """Say why there can be no former versions (``None``: nothing hinders them), and of which instants there are.

        Those are called ``@GMT-2026.11.21-15.00.00`` (UTC), the oldest first.
        """
        found = self._client.call("shadows-list")
        return found["hindrance"], tuple(map(str, found["taken"]))

    def shadows_take(self) -> str:
        """Keep all homes and group folders as they are now; the instant. Refused with ``conflict`` where it cannot."""
        return str(self._client.call("shadows-take")["stamp"])

    def shadows_remove(self, stamp: str) -> bool:
        """Give up the former versions of one instant; whether there were any."""
        return bool(self._client.call("shadows-remove", stamp=stamp)["removed"])

    def engine_install(self, engine: str, text: str) -> bool:
        """Make ``text`` the file of ``engine`` (``imap``, ``smb``) and let it be read; whether anything changed."""
        return bool(self._client.call("engine-install", engine=engine, text=text)["changed"])

    def session_kick(self, service: str, login: str) -> bool:
        """End the sessions of ``login`` at the engine of ``service`` (``mail``); whether there were any."""
        return bool(self._client.call("session-kick", service=service, login=login)["kicked"])

    def backup(self, action: str, /, **arguments: str | int | list[str] | None) -> int:
        """Begin ``run``, ``list``, ``pair`` (host, port, again), ``restore`` or ``forget``; its number.

        ``restore`` takes part, name, number, paths, date and room (``backup.wanted``); ``forget`` login, uid,
        consent_withdrawn and undo.
        """
        return int(self._client.call(f"backup-{action}", **arguments)["job"])

    def backup_follow(self, job: int, seen: int) -> dict[str, Any]:
        """How the action of that number is, once it is not as it was ``seen`` (0 at first), or some seconds later.

        Gives ``seen``, ``progress`` (done, total, text), ``ask`` (what it wants compared, or null) and ``outcome``:
        null while it runs, then an object with ``result`` or ``error`` (kind, text). Refused with ``unknown-job`` when
        it was interrupted, or when it asked something and its outcome was given already.
        """
        return self._client.call("backup-follow", job=job, seen=seen)

    def backup_answer(self, job: int, same: bool) -> None:
        """Say whether what the action of that number wants compared is the same; refused as above."""
        self._client.call("backup-answer", job=job, same=same)

    def usage_scan(self, logins: Sequence[str], groups: bool) -> Found:
        """Count the mailboxes and homes of ``logins`` (at most 1,000), and all ``groups``."""
        found = self._client.call("usage-scan", logins=list(logins), groups=groups)
        files = {int(uid): size for uid, size in found["files"].items()}
        return Found(found["mail"], files, found["homes"], frozenset(found["deep"]))

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
