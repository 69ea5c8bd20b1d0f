"""How a daemon starts: settings, log, sockets handed in, then workers. Exit 0 after a stop, 2 on wrong settings.

A service's ``__main__`` is ``raise SystemExit(main(Program("mail", run, load=load), sys.argv[1:]))``. ``run`` imports
what brings a loop or a thread only then, in the worker: the parent must stay able to fork.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Generic, TypeVar

from appliance.daemon import listeners, logs
from appliance.daemon.arguments import settings_parser
from appliance.daemon.crew import Crew
from appliance.daemon.notify import Notifier
from appliance.daemon.options_reading import SettingsError
from appliance.daemon.worker import Worker

__all__ = ["Program", "Worker", "main"]

_log = logging.getLogger(__name__)

S = TypeVar("S")


def _one(_settings: object) -> int:
    return 1


@dataclass(frozen=True, slots=True)
class Program(Generic[S]):
    """A daemon: ``name`` (``mail``) and ``run(worker)``, called in each forked worker; its result is the exit code.

    ``load(folder)`` reads the settings or raises :class:`SettingsError`; ``workers(settings)`` says how many there
    are, at a start; ``drain`` is how many seconds they have to end; ``description`` is for ``--help``.
    """

    name: str
    run: Callable[[Worker[S]], int]
    _: KW_ONLY
    load: Callable[[Path], S]
    workers: Callable[[S], int] = _one
    drain: float = 10.0
    description: str = ""


def main(program: Program[S], argv: Sequence[str] | None = None) -> int:
    """Run ``program`` with the arguments ``argv`` (without the program's own name) until it is stopped."""
    folder = _folder(program, argv)
    try:
        settings = program.load(folder)
    except SettingsError as error:
        print(f"schoolserver {program.name}: wrong settings\n{error}", file=sys.stderr)
        return 2
    logs.set_up(program.name)
    try:
        sockets = listeners.taken_from(os.environ)
    except logs.Told as error:
        _log.critical("cannot start: %s", error)
        return 1
    notifier = Notifier.taken_from(os.environ)  # after the sockets: it must not take the number of a missing one
    if threading.active_count() > 1 or "twisted.internet.reactor" in sys.modules:
        raise RuntimeError("a thread or an event loop was started before the workers were forked")

    def work(number: int, line: int, beat: float) -> int:
        worker = Worker(program.name, number, settings, sockets, lambda: program.load(folder), line, beat)
        return program.run(worker)

    def reload() -> Sequence[str]:
        nonlocal settings
        try:
            settings = program.load(folder)
        except SettingsError as error:
            for problem in error.problems:
                _log.error("wrong in the new settings: %s", problem)
            _log.error("%d problem(s) in the new settings; the former ones stay", len(error.problems))
            return [str(problem) for problem in error.problems]
        except Exception as error:  # whatever is wrong with a file, the running service does not end by it
            _log.exception("the settings cannot be read; the former ones stay")
            return [f"the settings cannot be read: {logs.describe(error)}"]
        _log.info("settings read again")
        return ()

    return Crew(program.workers(settings), work, reload, notifier, program.drain).run()


def _folder(program: Program[S], argv: Sequence[str] | None) -> Path:
    parser = settings_parser(program.description, f"schoolserver-{program.name}")
    folder: Path = parser.parse_args(argv).settings
    return folder.absolute()
