"""Entry of the copy, one action and out: ``/usr/bin/python3 -m appliance.backup run|list|restore|setup|serve``.

Writes JSON, a line each: ``{"progress": [done, total, text]}`` while it works, then ``{"result": {...}}`` or
``{"error": {"kind", "text"}}``. ``restore`` and ``setup`` read a JSON object from standard input, for arguments of a
program can be read by everybody on the machine. ``serve`` reads a line ``{"action", "arguments"}`` there and does that;
it ends when its standard input does. Exit 0 done, 1 failed, 2 wrong settings.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from appliance.backup.problem import BackupError
from appliance.backup.restore import Wanted, restore
from appliance.backup.rsync import Runner
from appliance.backup.run import copy, listing
from appliance.backup.setup import set_up
from appliance.daemon import logs
from appliance.daemon.arguments import settings_parser
from appliance.daemon.options import SettingsError
from appliance.daemon.parent import end_with_parent
from appliance.settings.load import Settings, load

Arguments = Mapping[str, Any]

_PATIENT = 10  # how nice it is to everything else


def main(argv: list[str] | None = None) -> int:
    """Do one action."""
    parser = settings_parser("Makes the copy in the second place.", "schoolserver-backup")
    parser.add_argument("action", choices=[*sorted(_ACTIONS), "serve"])
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it has ended")
    given = parser.parse_args(argv)
    if given.with_parent:
        end_with_parent(signal.SIGTERM)
    logs.set_up("backup")
    os.umask(0o077)
    os.nice(_PATIENT)
    try:
        settings = load(given.settings.absolute())
        action, arguments = _asked() if given.action == "serve" else (given.action, _given(given.action))
        _say({"result": _ACTIONS[action](settings, arguments)})
    except SettingsError as error:
        _say({"error": {"kind": "settings", "text": str(error)}})
        return 2
    except BackupError as error:
        _say({"error": {"kind": error.kind, "text": error.text}})
        return 1
    return 0


def _run(settings: Settings, _arguments: Arguments) -> dict[str, Any]:
    return copy(settings, lambda done, total, text: _say({"progress": [done, total, text]}), _stoppable)


def _list(settings: Settings, _arguments: Arguments) -> dict[str, Any]:
    return listing(settings)


def _stoppable(runner: Runner) -> None:
    signal.signal(signal.SIGTERM, lambda _number, _frame: runner.stop())


def _restore(settings: Settings, arguments: Arguments) -> dict[str, Any]:
    try:
        wanted = Wanted(str(arguments["login"]), int(arguments["uid"]), str(arguments["path"]), arguments.get("date"))
    except (KeyError, ValueError, TypeError) as error:
        raise BackupError("refused", "login, uid and path are needed") from error
    return restore(settings, wanted, _stoppable)


def _set_up(settings: Settings, arguments: Arguments) -> dict[str, Any]:
    fingerprint = arguments.get("fingerprint")
    return set_up(settings, None if fingerprint is None else str(fingerprint))


_ACTIONS: Mapping[str, Callable[[Settings, Arguments], dict[str, Any]]] = {
    "run": _run,
    "list": _list,
    "restore": _restore,
    "setup": _set_up,
}
_WITH_ARGUMENTS = ("restore", "setup")


def _given(action: str) -> Arguments:
    return _parsed(sys.stdin.read() or "{}") if action in _WITH_ARGUMENTS else {}


def _asked() -> tuple[str, Arguments]:
    """What whoever is at the other end of standard input wants; when he goes, it is not wanted any more."""
    asked = _parsed(sys.stdin.readline())
    action, arguments = str(asked.get("action")), asked.get("arguments", {})
    if action not in _ACTIONS or not isinstance(arguments, dict):
        raise BackupError("refused", f"only {', '.join(_ACTIONS)}")
    threading.Thread(target=_end_with_asker, daemon=True).start()
    return action, arguments


def _end_with_asker() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def _parsed(text: str) -> Arguments:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BackupError("refused", "standard input is not JSON") from error
    return value if isinstance(value, dict) else {}


def _say(line: Mapping[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
