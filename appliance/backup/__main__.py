"""Entry of the copy, one action and out: ``/usr/bin/python3 -m appliance.backup ACTION``.

Writes JSON, a line each: ``{"progress": [done, total, text]}`` while it works, then ``{"result": {...}}`` or
``{"error": {"kind", "text"}}``. ``restore`` reads a JSON object from standard input, for arguments of a program can be
read by everybody on the machine. ``serve`` reads a line ``{"action", "arguments"}`` there and does that; it ends when
its standard input does. Only there is ``pair``, which says ``{"ask": code}`` and reads ``{"same": true}``.
``night`` and ``weekly`` (the drill) are what timers start: they log counts only. Exit 0 done, 1 failed, 2 wrong
settings, 3 failed and not to be tried again by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from io import RawIOBase
from typing import Any

from appliance.backup.drill import drill, report
from appliance.backup.forgetting import forget
from appliance.backup.night import night
from appliance.backup.pair import Wanted as WantedPair
from appliance.backup.pair import pair
from appliance.backup.problem import BackupError
from appliance.backup.restore import restore
from appliance.backup.rsync import Runner
from appliance.backup.run import copy, listing
from appliance.backup.wanted import Wanted
from appliance.backup.weekly import weekly
from appliance.backup_server.pairing import ANSWERED_WITHIN
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
    parser.add_argument("action", choices=[*sorted(set(_ACTIONS) - {"pair"}), "night", "weekly", "serve"])
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it has ended")
    given = parser.parse_args(argv)
    if given.with_parent:
        end_with_parent(signal.SIGTERM)
    logs.set_up("backup")
    os.umask(0o077)
    os.nice(_PATIENT)
    try:
        settings = load(given.settings.absolute())
        if given.action == "night":
            return night(settings, _stoppable)
        if given.action == "weekly":
            return weekly(settings, _stoppable)
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
    return restore(settings, Wanted.read(arguments), _stoppable)


def _forget(settings: Settings, arguments: Arguments) -> dict[str, Any]:
    return forget(settings, arguments, _stoppable)


def _drill(settings: Settings, _arguments: Arguments) -> dict[str, Any]:
    return drill(settings, lambda done, total, text: _say({"progress": [done, total, text]}), _stoppable)


def _report(settings: Settings, arguments: Arguments) -> dict[str, Any]:
    language = arguments.get("language")
    return report(settings, None if language is None else str(language))


def _pair(settings: Settings, arguments: Arguments) -> dict[str, Any]:
    try:
        host = arguments.get("host")
        wanted = WantedPair(None if host is None else str(host), int(arguments["port"]), bool(arguments.get("again")))
    except (KeyError, ValueError, TypeError) as error:
        raise BackupError("refused", "a port is needed") from error
    return pair(settings, wanted, _same)


def _same(code: str) -> bool:
    """What the carer answers, in time; no answer is no."""
    _say({"ask": code})
    try:
        return _parsed(_answers.get(timeout=ANSWERED_WITHIN)).get("same") is True
    except queue.Empty:
        return False


_ACTIONS: Mapping[str, Callable[[Settings, Arguments], dict[str, Any]]] = {
    "run": _run,
    "list": _list,
    "restore": _restore,
    "forget": _forget,
    "pair": _pair,
    "drill": _drill,
    "report": _report,
}
_WITH_ARGUMENTS = ("restore", "forget", "report")
_answers: queue.SimpleQueue[str] = queue.SimpleQueue()


def _given(action: str) -> Arguments:
    return _parsed(sys.stdin.read() or "{}") if action in _WITH_ARGUMENTS else {}


def _asked() -> tuple[str, Arguments]:
    """What whoever is at the other end of standard input wants; when he goes, it is not wanted any more."""
    raw = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - a thread reads on from it
    asked = _parsed(raw.readline().decode(errors="replace"))
    action, arguments = str(asked.get("action")), asked.get("arguments", {})
    if action not in _ACTIONS or not isinstance(arguments, dict):
        raise BackupError("refused", f"only {', '.join(_ACTIONS)}")
    threading.Thread(target=_end_with_asker, args=(raw,), daemon=True).start()
    return action, arguments


def _end_with_asker(raw: RawIOBase) -> None:
    with contextlib.suppress(OSError):
        while line := raw.readline(4096):
            _answers.put(line.decode(errors="replace"))
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
