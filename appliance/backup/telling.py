"""The backup server told of whom the school deleted the account for good, and asked to forget them (K24).

May live here: asking it, by a connection that is there. May not: when somebody is forgotten there (it decides), who was
deleted (``deletions``). Each person is asked for once, by the next backup, without anybody's doing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.backup import argv
from appliance.backup.deletions import Deletions
from appliance.backup.intent import SecondPlace
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner

if TYPE_CHECKING:
    from appliance.daemon.whole_file import Owner
    from appliance.settings.load import Settings

_MOST = 4096


@dataclass(frozen=True, slots=True)
class Told:
    """What a run told the backup server: ``asked`` for so many people; ``problem``: why it could not, for the carer."""

    asked: int = 0
    problem: str | None = None


def tell(settings: Settings, place: SecondPlace, runner: Runner, owner: Owner | None) -> Told:
    """Give the backup server the list of deleted accounts, and ask it to forget those that it was not asked for yet.

    For the nightly run, with its connection; ``owner`` may read what was asked. What fails is told and tried again the
    next time. Raises nothing.
    """
    deletions, asked = Deletions(settings.server.state), 0
    try:
        if listed := deletions.listed():
            runner.ask(argv.ask(place, "deleted put"), listed)
        known, waiting = deletions.asked(), deletions.waiting()
        new = {deletions.gone(*one): one for one in waiting}
        for gone in new.keys() - known:
            login, uid = new[gone]
            ask_to_forget(runner, place, {"login": login, "uid": uid})
            known |= {gone}
            deletions.keep_asked(known & new.keys(), owner)
            asked += 1
    except BackupError as error:
        return Told(asked, f"the backup server does not take the list of deleted accounts: {error.text}")
    except OSError as error:
        return Told(asked, f"the list of deleted accounts: {os.strerror(error.errno or 0)}")
    return Told(asked)


def ask_to_forget(runner: Runner, place: SecondPlace, said: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for what is ``said`` (login, uid, consent_withdrawn, undo); its answer. Raises :class:`BackupError`."""
    try:
        answer = runner.ask(argv.ask(place, "forget"), json.dumps(said).encode())
    except BackupError as error:
        if error.kind != "refused":
            raise
        raise BackupError("refused", _reason(runner) or error.text) from error
    result = answer.get("result")
    if not isinstance(result, dict):
        raise BackupError("refused", "the backup server answers strangely; are both machines of the same version?")
    return {
        **{name: str(result.get(name, ""))[:64] for name in ("id", "asked", "ripe")},
        **{name: result.get(name) is True for name in ("confirmed", "consent", "taken_back")},
    }


def _reason(runner: Runner) -> str | None:
    """What the receiver said: a line of its own making, without anybody's name."""
    try:
        with runner.complaints.open(encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file.read(_MOST).splitlines() if line.startswith("failed: ")]
    except OSError:
        return None
    text = lines[-1].removeprefix("failed: ") if lines else ""
    return text if text.isprintable() and text else None
