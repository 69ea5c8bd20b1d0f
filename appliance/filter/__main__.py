"""Entry of the renewal of lists, once and out: ``/usr/bin/python3 -m appliance.filter update|serve``.

``update`` is what the timer starts: it logs counts only. ``serve`` reads a line ``{"ask", "smaller"}`` from standard
input and writes JSON, a line each: ``{"progress": [done, total, text]}`` while it works, then ``{"result": {...}}`` or
``{"error": {"kind", "text"}}``; it ends when its standard input does. Exit 0 done, 1 something was not to be had and
may be later, 2 wrong settings.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from appliance.daemon import logs
from appliance.daemon.arguments import settings_parser
from appliance.daemon.options import SettingsError
from appliance.filter.record import Record, folder_of
from appliance.filter.update import Update
from appliance.settings.load import load

_log = logging.getLogger("appliance.filter")  # it is __main__ when it runs


def main(argv: Sequence[str] | None = None) -> int:
    """Renew the lists once; give the exit code."""
    parser = settings_parser("Renews the lists of the web filter.", "schoolserver-lists")
    parser.add_argument("action", choices=["update", "serve"])
    given = parser.parse_args(argv)
    logs.set_up("lists")
    os.umask(0o027)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # what was begun is cleared away
    serving = given.action == "serve"
    asked = _asked() if serving else {}
    try:
        settings = load(given.settings.absolute())
        tell = _tell if serving else _quiet
        update = Update(folder_of(settings.server.state), settings.web.lists, lambda: datetime.now(UTC), tell, **asked)
        record = update.run()
    except SettingsError as error:
        return _failed(serving, "settings", str(error), 2)
    except logs.Told as error:
        return _failed(serving, "busy", str(error), 1)
    except OSError as error:
        return _failed(serving, "disk", f"{error.filename or 'the folder of lists'}: {error.strerror}", 1)
    return _done(serving, record)


def _done(serving: bool, record: Record) -> int:
    missing = [one for one in record.lists.values() if one.problem]
    entries = sum(record.entries.values())
    if serving:
        problems = len(missing)
        _say({"result": {"lists": len(record.lists), "problems": problems, "entries": entries, "why": record.problem}})
    else:
        _log.info("%d lists, %d of them with a problem; %d entries", len(record.lists), len(missing), entries)
    if record.problem:
        _log.error("%s", record.problem)
    return 1 if record.problem or any(not one.refused for one in missing) else 0


def _failed(serving: bool, kind: str, text: str, code: int) -> int:
    if serving:
        _say({"error": {"kind": kind, "text": text}})
    else:
        _log.error("the lists were not renewed: %s", text)
    return code


def _asked() -> dict[str, Any]:
    """What is to be done; from now on the end of standard input is ours."""
    asked = json.loads(sys.stdin.readline() or "{}")

    threading.Thread(target=_end_with_asker, daemon=True).start()
    return {"ask": bool(asked.get("ask", True)), "smaller": bool(asked.get("smaller", False)), "wait": True}


def _end_with_asker() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def _say(line: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except OSError:
        os._exit(1)  # nobody listens any more


def _tell(done: int, total: int, text: str) -> None:
    _say({"progress": [done, total, text]})


def _quiet(_done: int, _total: int, _text: str) -> None:
    return


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
