"""The demo's people and their passwords, kept in its state folder so that the second start is a quick one.

May live here: the file of demo passwords, and making it true through the ordinary verbs. Only a demo keeps passwords.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.auth.envelope import Keys, open_passwords, seal
from appliance.policy import passwords
from appliance.supervisor.client import ControlClient

_CHANGES_AT_ONCE = 10
"""Passwords changed at the same time: each waits until every service knows of it, so a few more than cores."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """Somebody of the demo school, with the password that he has chosen."""

    login: str
    password: str
    role: str
    groups: tuple[str, ...]


class SeedError(Exception):
    """The demo school could not be filled; the text says what was refused."""


class _PasswordFile:
    """Login -> (password, whether it is a one-time one); 0600, written whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, tuple[str, bool]] = {}
        if path.exists():
            self.known = {login: (word, once) for login, (word, once) in json.loads(path.read_text()).items()}

    def keep_one_time(self, given: Mapping[str, str]) -> None:
        self.known.update({login: (word, True) for login, word in given.items()})

    def save(self) -> None:
        draft = self._path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as target:
            json.dump(self.known, target)
            target.flush()
            os.fsync(target.fileno())
        draft.rename(self._path)


def seed(
    client: ControlClient,
    roster: Path,
    password_file: Path,
    still_right: Callable[[str, str], bool],
    progress: Callable[[int, int, str], None],
) -> Sequence[DemoAccount]:
    """Import ``roster`` and let everybody change the one-time password; what was done before is not done again.

    Gives everybody whose password the demo knows: who was imported, reset, locked or disabled by hand meanwhile, or
    whose password ``still_right(login, password)`` denies, is left as is. Raises :class:`SeedError`, and what
    ``client`` raises.
    """
    kept = _PasswordFile(password_file)
    keys = Keys.generate()
    earlier = set(kept.known)
    if not earlier:
        _import(client, roster, kept, keys, progress)
    _change_all(client, kept, keys, progress)
    people = [
        DemoAccount(person["login"], kept.known[person["login"]][0], person["role"], tuple(person["groups"]))
        for person in client.call("users.list", {})["users"]
        if person["state"] == "active" and person["login"] in kept.known
    ]
    with ThreadPoolExecutor(_CHANGES_AT_ONCE) as pool:
        good = pool.map(lambda one: one.login not in earlier or still_right(one.login, one.password), people)
        return tuple(one for one, right in zip(people, good, strict=True) if right)


def _import(
    client: ControlClient, roster: Path, kept: _PasswordFile, keys: Keys, progress: Callable[[int, int, str], None]
) -> None:
    """Import, or go on with an import that was cut: who has a password that nobody knows any more gets a fresh one."""
    result = client.call(
        "users.import",
        {
            "content": base64.b64encode(roster.read_bytes()).decode("ascii"),
            "filename": roster.name,
            "dry_run": False,
            "consents": [],
            "consent_version": "demo",
            "recipient": keys.public,
            "allow_gone": True,
        },
        on_progress=progress,
    )
    kept.keep_one_time(open_passwords(keys, result["sealed"] or ""))
    for person in client.call("users.list", {})["users"]:
        if person["login"] not in kept.known and person["state"] != "disabled":
            _reset(client, kept, keys, person["login"])
    kept.save()


def _reset(client: ControlClient, kept: _PasswordFile, keys: Keys, login: str) -> None:
    """Somebody whose password this demo does not know (a start that was cut) gets a new one-time password."""
    answer = client.call("users.reset-password", {"login": login, "recipient": keys.public})
    kept.keep_one_time(open_passwords(keys, answer["sealed"]))


def _change_all(
    client: ControlClient, kept: _PasswordFile, keys: Keys, progress: Callable[[int, int, str], None]
) -> None:
    """Two rounds: a start that was cut between a change and our file leaves passwords that have to be given anew."""
    for _round in range(2):
        waiting = [login for login, (_word, once) in kept.known.items() if once]
        if not waiting:
            return
        for login in _change(client, kept, waiting, progress):
            _reset(client, kept, keys, login)
        kept.save()
    left = [login for login, (_word, once) in kept.known.items() if once]
    if left:
        raise SeedError(f"{len(left)} passwords could not be changed; start the demo once more")


def _change(
    client: ControlClient, kept: _PasswordFile, waiting: Sequence[str], progress: Callable[[int, int, str], None]
) -> list[str]:
    """Change one-time passwords, a few at a time; gives the logins whose one-time password is not right."""
    key = client.call("auth.key", {})["key"]
    refused = []

    def change(login: str) -> tuple[str, str, Mapping[str, Any]]:
        chosen = passwords.generate(secrets.SystemRandom(), login, ())
        envelope = seal({"login": login, "old": kept.known[login][0], "new": chosen}, key)
        return login, chosen, client.call("passwd", {"envelope": envelope})

    with ThreadPoolExecutor(_CHANGES_AT_ONCE) as pool:
        try:
            for done, (login, chosen, answer) in enumerate(pool.map(change, waiting), start=1):
                if answer["answer"] == "changed":
                    kept.known[login] = (chosen, False)
                elif answer["answer"] == "refused":
                    refused.append(login)
                progress(done, len(waiting), "passwords")
        finally:
            pool.shutdown(cancel_futures=True)
            kept.save()
    return refused
