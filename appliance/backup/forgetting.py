"""``schoolserver backup forget``: the backup server is asked to remove a person from all snapshots (K24).

May live here: what a carer asks for. May not: how it is asked (``telling``), when it is done (it decides over there).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from appliance.backup.intent import own_folder, second_place
from appliance.backup.problem import BackupError
from appliance.backup.rsync import Runner
from appliance.backup.run import require_key
from appliance.backup.telling import ask_to_forget

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


def forget(
    settings: Settings, arguments: Mapping[str, Any], started: Callable[[Runner], None] = lambda _: None
) -> dict[str, Any]:
    """Ask for ``login`` and ``uid`` (``None``: it looks) to be forgotten, or ``undo`` that.

    Gives what it says: ``id``, ``asked``, ``ripe``, ``confirmed``, ``consent``, or that it is ``taken_back``. Raises
    :class:`BackupError`.
    """
    login, uid = arguments.get("login"), arguments.get("uid")
    if not isinstance(login, str) or not _LOGIN.fullmatch(login) or not isinstance(uid, int | None):
        raise BackupError("refused", "a login and a number are needed")
    said = {name: arguments.get(name) is True for name in ("consent_withdrawn", "undo")}
    place, own = second_place(settings), own_folder(settings)
    require_key(place)
    own.make()
    runner = Runner(None, own.folder / f"forget-{os.getpid()}.complaints")
    started(runner)
    answer = ask_to_forget(runner, place, {"login": login, "uid": uid, **said})
    runner.complaints.unlink(missing_ok=True)
    return answer
