"""Entry of the copy, one action and out: ``/usr/bin/python3 -m appliance.backup run|list|restore|setup``.

Writes JSON, a line each: ``{"progress": [done, total, text]}`` while it works, then ``{"result": {...}}`` or
``{"error": {"kind", "text"}}``. ``restore`` and ``setup`` read a JSON object from standard input, for arguments of a
program can be read by everybody on the machine. Exit 0 done, 1 failed, 2 wrong settings.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from appliance.backup.problem import BackupError
from appliance.backup.restore import Wanted, restore
from appliance.backup.rsync import Runner
from appliance.backup.run import copy, listing
from appliance.backup.setup import set_up
from appliance.daemon import logs
from appliance.daemon.options import SettingsError
from appliance.settings.load import Settings, load

_PR_SET_PDEATHSIG = 1
_PATIENT = 10  # how nice it is to everything else


def main(argv: list[str] | None = None) -> int:
    """Do one action."""
    parser = argparse.ArgumentParser(prog="schoolserver-backup", description="Makes the copy in the second place.")
    parser.add_argument("action", choices=sorted(_ACTIONS))
    parser.add_argument(
        "--settings",
        metavar="DIR",
        type=Path,
        default=Path(os.environ.get("SCHOOLSERVER_SETTINGS", "/etc/schoolserver")),
    )
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it has ended")
    given = parser.parse_args(argv)
    if given.with_parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    logs.set_up("backup")
    os.umask(0o077)
    os.nice(_PATIENT)
    try:
        settings = load(given.settings.absolute())
        _say({"result": _ACTIONS[given.action](settings)})
    except SettingsError as error:
        _say({"error": {"kind": "settings", "text": str(error)}})
        return 2
    except BackupError as error:
        _say({"error": {"kind": error.kind, "text": error.text}})
        return 1
    return 0


def _run(settings: Settings) -> dict[str, Any]:
    return copy(settings, lambda done, total, text: _say({"progress": [done, total, text]}), _stoppable)


def _stoppable(runner: Runner) -> None:
    signal.signal(signal.SIGTERM, lambda _number, _frame: runner.stop())


def _restore(settings: Settings) -> dict[str, Any]:
    given = _given()
    try:
        wanted = Wanted(str(given["login"]), int(given["uid"]), str(given["path"]), given.get("date"))
    except (KeyError, ValueError, TypeError) as error:
        raise BackupError("refused", "login, uid and path are needed") from error
    return restore(settings, wanted, _stoppable)


def _set_up(settings: Settings) -> dict[str, Any]:
    fingerprint = _given().get("fingerprint")
    return set_up(settings, None if fingerprint is None else str(fingerprint))


_ACTIONS: Mapping[str, Callable[[Settings], dict[str, Any]]] = {
    "run": _run,
    "list": listing,
    "restore": _restore,
    "setup": _set_up,
}


def _given() -> Mapping[str, Any]:
    try:
        value = json.loads(sys.stdin.read() or "{}")
    except ValueError as error:
        raise BackupError("refused", "standard input is not JSON") from error
    return value if isinstance(value, dict) else {}


def _say(line: Mapping[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
